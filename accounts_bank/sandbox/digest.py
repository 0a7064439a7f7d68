"""The digest: one hash of the books and the users, equal for equal state on every store.

Sessions, password hashes and the audit trail are no part of it: they do not tell two states of the
bank apart for a customer.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from accounts_bank.identity import User
from accounts_bank.stores.base import AccountStore, UserStore

USERS_AT_ONCE = 1_000
_BOOKS = ("accounts", "customers", "entries", "lines", "progress", "entry_refs")
_encode = msgspec.json.Encoder(order="deterministic").encode


def digest(users: UserStore, accounts: AccountStore) -> str:
    """Return the SHA-256 of the books and the users, as hex.

    :raises Unavailable: a store does not answer.
    """
    hashed = sha256()
    for part in _parts(users, accounts):
        hashed.update(_encode(part) + b"\n")
    return hashed.hexdigest()


def all_users(store: UserStore) -> Iterator[User]:
    """Yield all users by id, deleted ones included."""
    found = store.users_after("", limit=USERS_AT_ONCE)
    while found:
        yield from found
        found = store.users_after(found[-1].id, limit=USERS_AT_ONCE)


def _parts(users: UserStore, accounts: AccountStore) -> Iterator[Any]:
    yield "users"
    yield from map(_shown, all_users(users))
    with accounts.ledger() as ledger:
        for name in _BOOKS:
            yield name
            items: Iterable[Any] = getattr(ledger, name)
            yield from items


def _shown(user: User) -> tuple[Any, ...]:
    return user.id, user.username, user.full_name, user.role, user.created_at, user.deleted_at
