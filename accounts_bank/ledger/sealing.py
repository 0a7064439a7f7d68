"""Sealing: give recorded items their numbers, and chain them by hashes.

    number 6, hash H6  ->  number 7, hash H7 = SHA-256(H6, 7, id, digest)

The chain has no key: each store and each host computes the same hashes. A changed, missing or
moved item changes the hash of the head. The audit log adds a seal under a key of its own.
"""

from collections.abc import Iterable
from hashlib import sha256

from msgspec import Struct


class Unsealed(Struct, frozen=True, gc=False):
    """A saved item without a number.

    :param id: the id of an entry, or of an event of a user.
    :param kind: the kind of the entry or of the event.
    :param digest: SHA-256 of its content, as hex.
    """

    id: str
    kind: str
    digest: str


class Numbered(Struct, frozen=True, gc=False):
    """A row of the journal's numbers.

    :param number: 1 for the first item; no number is left out.
    :param hash: SHA-256 as hex, see above.
    """

    number: int
    id: str
    kind: str
    hash: str


class JournalHead(Struct, frozen=True, gc=False):
    """The end of the journal's numbers.

    :param number: the last number; 0 where nothing is sealed.
    :param hash: the hash of the last item; "" where nothing is sealed.
    :param inherited: the numbers up to this one came from an audit log of version 0.1, and their
        hashes are those of its lines.
    """

    number: int = 0
    hash: str = ""
    inherited: int = 0


def link(previous_hash: str, number: int, item_id: str, digest: str) -> str:
    """Return the hash of an item, as hex."""
    return sha256(f"{previous_hash}:{number}:{item_id}:{digest}".encode()).hexdigest()


def seal(head: JournalHead, items: Iterable[Unsealed]) -> list[Numbered]:
    """Give items the numbers after the head, in their order."""
    sealed, number, last_hash = [], head.number, head.hash
    for item in items:
        number += 1
        last_hash = link(last_hash, number, item.id, item.digest)
        sealed.append(Numbered(number, item.id, item.kind, last_hash))
    return sealed


def head_after(head: JournalHead, sealed: list[Numbered]) -> JournalHead:
    """Return the head after newly sealed items."""
    if not sealed:
        return head
    return JournalHead(sealed[-1].number, sealed[-1].hash, head.inherited)
