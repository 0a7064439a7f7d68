"""The chain: seals lines of the audit log and finds tampering.

A line ends in `"hash"`: the HMAC-SHA-256 (RFC 2104) of every byte of the line before `,"hash"`,
under the key of the log. The line also holds its number and the hash of the line before it. So an
edit, a deletion, an insertion and a new order break the chain; only the key can mend it. A missing
end leaves the chain whole, but not the head: it holds the last number and hash under the same key.
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
    """The end of the chain.

    `number` and `hash` (64 hexadecimal digits) belong to the last line, 0 and "" before the
    first. `size` is the offset of its end in bytes. `settled` is true once the outboxes know that
    the lines are written. `seal` is the HMAC of the other fields.
    """

    number: int = 0
    hash: str = ""
    size: int = 0
    settled: bool = True
    seal: str = ""


class Link(Struct, frozen=True):
    """The fields of a line that link it to the chain."""

    number: int
    previous_hash: str
    hash: str


def chain(key: bytes, head: Head, record: Record) -> tuple[bytes, Head]:
    """Encode a record as the line after the head.

    :return: the line in JSON without a line feed, and the new head, not yet sealed.
    """
    number = head.number + 1
    body = _encode({"number": number, **record, "previous_hash": head.hash})[:-1]
    line_hash = _hmac(key, body)
    line = b'%b,"hash":"%b"}' % (body, line_hash.encode())
    return line, Head(number, line_hash, head.size + len(line) + 1)


def seal(key: bytes, head: Head) -> Head:
    """Return the head with its seal."""
    return replace(head, seal=_head_seal(key, head))


def is_sealed(key: bytes, head: Head) -> bool:
    """Tell whether the seal of a head is valid."""
    return hmac.compare_digest(head.seal, _head_seal(key, head))


def fault_of(key: bytes, head: Head, line: bytes) -> str | None:
    """Return the fault of a line, without its line feed, as the line after the head, or None."""
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
    """Return the head after a line that has no fault."""
    link = msgspec.json.decode(line, type=Link)
    return Head(link.number, link.hash, head.size + len(line) + 1)


def verify(
    key: bytes,
    lines: Iterable[bytes],
    end: Head | None,
    *,
    on_line: Callable[[bytes], None] = lambda _line: None,
    from_start: bool = True,
) -> tuple[int, str | None]:
    """Verify lines as one chain; return the number of valid lines and the first fault, or None.

    `lines` keep their line feeds. `end` is the head of the log, None where it is missing. `on_line`
    is called with each valid line. Without `from_start` the first line may have any number.
    """
    head, count = Head(), 0
    for line in lines:
        if not (from_start or count):
            head = _claimed_head(line) or head
        if not line.endswith(b"\n"):
            return count, f"line {head.number + 1} is cut short"
        fault = fault_of(key, head, line[:-1])
        if fault:
            return count, f"line {head.number + 1} {fault}"
        on_line(line)
        head, count = step(head, line[:-1]), count + 1
    return count, _fault_of_end(key, head, end)


def _claimed_head(line: bytes) -> Head | None:
    """Return the head that a line claims to follow."""
    try:
        link = msgspec.json.decode(line, type=Link)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Head(link.number - 1, link.previous_hash)


def _fault_of_end(key: bytes, last: Head, end: Head | None) -> str | None:
    if end is None:
        return "the head is missing: a cut end would go unnoticed" if last.number else None
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
    """Equal `hmac.digest`, but hash the key only once; that costs more than the rest."""
    inner, outer = (keyed.copy() for keyed in _keyed_hashes(key))
    inner.update(body)
    outer.update(inner.digest())
    return str(outer.hexdigest())


@lru_cache(maxsize=8)
def _keyed_hashes(key: bytes) -> tuple[Any, Any]:
    """Return both hashes of HMAC-SHA-256 (RFC 2104) after their first block, made of the key."""
    block = (sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    return sha256(inner), sha256(outer)
