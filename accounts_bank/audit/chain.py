"""The chain: how a line is sealed, and how tampering is found.

A line ends in `"hash"`: the HMAC-SHA-256 (RFC 2104), under the key of the log, of every byte of the
line before `,"hash"`. As the line holds its number and the hash of the line before, an edit, a
deletion, an insertion and a reordering break the chain, and nobody without the key can mend it.
What a chain cannot show, a missing end, the head shows: it holds the last number and hash, sealed
with the same key.
"""

import hmac
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.audit.records import Record

_BLOCK_BYTES = 64
_SEAL_BYTES = len(',"hash":""}') + 64


_encode = msgspec.json.Encoder().encode


class Head(Struct, frozen=True, gc=False):
    """The end of the chain: the last line's number and hash, and where in the file it ends.

    It is `settled` once whoever gave the lines knows that they are written.
    """

    number: int = 0
    hash: str = ""
    size: int = 0
    settled: bool = True
    seal: str = ""


class Link(Struct, frozen=True):
    """The fields by which a line hangs in the chain."""

    number: int
    previous_hash: str
    hash: str


def chain(key: bytes, head: Head, record: Record) -> tuple[bytes, Head]:
    """Write a record as the line after the head; answer the line and the new head."""
    number = head.number + 1
    body = _encode({"number": number, **record, "previous_hash": head.hash})[:-1]
    seal = _hmac(key, body)
    line = b'%b,"hash":"%b"}' % (body, seal.encode())
    return line, Head(number, seal, head.size + len(line) + 1)


def sealed(key: bytes, head: Head) -> Head:
    """Seal a head."""
    return replace(head, seal=_head_seal(key, head))


def is_sealed(key: bytes, head: Head) -> bool:
    """Tell whether a head is as it was sealed."""
    return hmac.compare_digest(head.seal, _head_seal(key, head))


def fault_of(key: bytes, head: Head, line: bytes) -> str | None:
    """Say what is wrong with a line (without its line feed) as the one after the head, if any."""
    try:
        link = msgspec.json.decode(line, type=Link)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "is not a line of an audit log"
    if link.number != head.number + 1:
        return f"has the number {link.number} where {head.number + 1} belongs"
    if link.previous_hash != head.hash:
        return "does not follow the line before it"
    if not hmac.compare_digest(link.hash, _hmac(key, line[:-_SEAL_BYTES])):
        return "was altered after it was written"
    return None


def step(head: Head, line: bytes) -> Head:
    """Move the head past a line that has no fault."""
    link = msgspec.json.decode(line, type=Link)
    return Head(link.number, link.hash, head.size + len(line) + 1)


def verify(
    key: bytes,
    lines: Iterable[bytes],
    end: Head | None,
    *,
    seen: Callable[[bytes], None] = lambda _line: None,
    from_start: bool = True,
) -> tuple[int, str | None]:
    """Prove a whole log, rotated parts first: how many lines are right, and the first fault.

    `lines` keep their line feeds; `end` is the head as it was last sealed, None where it is gone.
    `seen` is called with each line that is right. Unless `from_start`, what stands before the first
    line is taken as it is.
    """
    head, count = Head(), 0
    for line in lines:
        if not (from_start or count):
            head = _before(line) or head
        if not line.endswith(b"\n"):
            return count, f"line {head.number + 1} is cut short"
        fault = fault_of(key, head, line[:-1])
        if fault:
            return count, f"line {head.number + 1} {fault}"
        seen(line)
        head, count = step(head, line[:-1]), count + 1
    return count, _fault_of_end(key, head, end)


def _before(line: bytes) -> Head | None:
    """Give the end of the chain that a line says it follows."""
    try:
        link = msgspec.json.decode(line, type=Link)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Head(link.number - 1, link.previous_hash)


def _fault_of_end(key: bytes, last: Head, end: Head | None) -> str | None:
    if end is None:
        return (
            "the head is missing: whether the end was cut cannot be told" if last.number else None
        )
    if not is_sealed(key, end):
        return "the head was altered, or sealed with another key"
    if (end.number, end.hash) == (last.number, last.hash):
        return None
    if end.number > last.number:
        return f"the end is cut: lines {last.number + 1} to {end.number} are missing"
    return f"the head is too old: it ends at line {end.number}"


def _head_seal(key: bytes, head: Head) -> str:
    return _hmac(
        key, b"head:%d:%s:%d:%d" % (head.number, head.hash.encode(), head.size, head.settled)
    )


def _hmac(key: bytes, body: bytes) -> str:
    """As `hmac.digest`; to begin with the key costs more than the rest, and is done once."""
    inner, outer = _begun(key)
    inside, outside = inner.copy(), outer.copy()
    inside.update(body)
    outside.update(inside.digest())
    return str(outside.hexdigest())


@lru_cache(maxsize=8)
def _begun(key: bytes) -> tuple[Any, Any]:
    """Give both hashes of HMAC-SHA-256 after their first block, which is made of the key."""
    block = (sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    return sha256(inner), sha256(outer)
