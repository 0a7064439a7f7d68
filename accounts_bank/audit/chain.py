"""The chain: seals lines of the audit log and finds tampering.

A line has the number, the hash and the previous hash of its item in the store's journal. It ends in
`"seal"`: the HMAC-SHA-256 (RFC 2104) of every byte of the line before `,"seal"`, under the key of
the log. So an edit, a deletion, an insertion and a new order break the chain; only the key can mend
it. A missing end leaves the chain whole, but not the head: it holds the last number and hash under
the same key. The first line has the number 0 and names the bank and the log.

A line of version 0.1 has no seal: its hash is the HMAC of every byte before `,"hash"`.
"""

import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from accounts_bank.audit.records import record_of
from accounts_bank.stores.base import Sealed

_BLOCK_BYTES = 64
_SEAL_BYTES = len(',"seal":""}') + 64
_HASH_BYTES = len(',"hash":""}') + 64
FIRST_EVENT = "log_opened"
HEAD_TOO_OLD = "the head is too old"

_encode = msgspec.json.Encoder().encode


class Head(Struct, frozen=True, gc=False):
    """The end of the chain.

    `number` and `hash` (64 hexadecimal digits) belong to the last line, 0 and "" before the
    first. `size` is the offset of its end in bytes. `bank_id` and `log_id` are "" in a head of
    version 0.1, which has `settled` instead. `seal` is the HMAC of the other fields.
    """

    number: int = 0
    hash: str = ""
    size: int = 0
    settled: bool = True
    bank_id: str = ""
    log_id: str = ""
    in_memory: bool = False
    seal: str = ""


class Link(Struct, frozen=True):
    """The fields of a line that link it to the chain."""

    number: int
    previous_hash: str
    hash: str
    seal: str = ""


class FirstLine(Struct, frozen=True):
    """The fields of a log's first line: it names the bank and the log.

    `in_memory` says that the bank ends with its process, so that a later one may set the log aside.
    """

    at: datetime = field(name="@timestamp")
    bank_id: str
    log_id: str
    in_memory: bool
    number: int = 0
    event: str = FIRST_EVENT
    previous_hash: str = ""
    hash: str = ""


def trail_line(sealed: Sealed) -> bytes:
    """Encode a sealed item as a line of the audit trail, without a line feed."""
    record = record_of(sealed.item)
    ends = {"previous_hash": sealed.previous_hash, "hash": sealed.hash}
    return _encode({"number": sealed.number, **record, **ends})


def first_line(key: bytes, first: FirstLine) -> bytes:
    """Encode the first line of a log, without a line feed."""
    return with_seal(key, _encode(first))


def with_seal(key: bytes, line: bytes) -> bytes:
    """Add the seal to a line of JSON."""
    body = line[:-1]
    return b'%b,"seal":"%b"}' % (body, _hmac(key, body).encode())


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
    if link.number != head.number + 1 and not (_is_first(link) and not head.size):
        return f"has the number {link.number} where {head.number + 1} belongs"
    if link.previous_hash != head.hash:
        return "does not follow the line before it"
    sealed, end_bytes = (link.seal, _SEAL_BYTES) if link.seal else (link.hash, _HASH_BYTES)
    if not hmac.compare_digest(sealed, _hmac(key, line[:-end_bytes])):
        return "was altered after it was written"
    return None


def _is_first(link: Link) -> bool:
    return link.number == 0 and link.seal != ""


def step(head: Head, line: bytes) -> Head:
    """Return the head after a line that has no fault."""
    link = msgspec.json.decode(line, type=Link)
    size = head.size + len(line) + 1
    return replace(head, number=link.number, hash=link.hash, size=size)


def verify(
    key: bytes,
    lines: Iterable[bytes],
    end: Head | None,
    *,
    on_line: Callable[[bytes], None] = lambda _line: None,
    from_start: bool = True,
) -> tuple[int, str | None]:
    """Verify lines as one chain; return the number of valid items and the first fault, or None.

    The first line of a log names the bank and is no item. `lines` keep their line feeds. `end` is
    the head of the log, None where it is missing. `on_line` is called with each valid line. Without
    `from_start` the first line may have any number.
    """
    head, count = Head(), 0
    for line in lines:
        if not (from_start or head.size):
            head = _claimed_head(line) or head
        if not line.endswith(b"\n"):
            return count, f"line {head.number + 1} is cut short"
        fault = fault_of(key, head, line[:-1])
        if fault:
            return count, f"line {head.number + 1} {fault}"
        on_line(line)
        head = step(head, line[:-1])
        count += head.number > 0
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
    return f"{HEAD_TOO_OLD}: it ends at line {end.number}"


def _head_seal(key: bytes, head: Head) -> str:
    body = b"head:%d:%s:%d:%d" % (head.number, head.hash.encode(), head.size, head.settled)
    if head.bank_id:
        names = f":{head.bank_id}:{head.log_id}:{head.in_memory:d}"
        body += names.encode()
    return _hmac(key, body)


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
