"""References: the ids under which entries are listed, so that lists and searches find them.

An entry is listed under its customers, and under each pair of its metadata for each of them. An
entry without metadata has no further row.
"""

from hashlib import sha256

from msgspec import UnsetType

from accounts_bank.ledger.values import Metadata


def listed_under(owner_ids: tuple[str, ...], metadata: Metadata | UnsetType) -> tuple[str, ...]:
    """Return the ids under which an entry of some customers is listed."""
    if not metadata:
        return owner_ids
    pairs = metadata.items()
    return (*owner_ids, *(pair_id(each, *pair) for each in owner_ids for pair in pairs))


def pair_id(owner_id: str, name: str, value: str) -> str:
    """Return the id of a pair of metadata of a customer: SHA-256, as hex, so that it is short."""
    return sha256(f"{owner_id}:{len(name)}:{name}:{value}".encode()).hexdigest()
