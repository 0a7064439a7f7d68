"""A user store with a short cache of users, and of the owners of keys.

Every request checks whether its session still lives. On a database this read costs as much as the
transfer itself. A change by another process is seen here after `LASTS_S`; `settle` waits that long.

A hash that no key has is cached too: nobody can send a secret before it is made. Requests with
many unknown secrets share one query at a time.
"""

from collections.abc import Iterable, Sequence
from time import monotonic, sleep

from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.concurrency.coalescing import Coalescer
from accounts_bank.identity import Event, User
from accounts_bank.stores.base import PutStatus, UserStore
from accounts_bank.stores.wrappers.base import DelegatingUserStore

LASTS_S = 0.2
USERS_MAX = 10_000
"""The number of users that the cache holds."""


class UserCache(DelegatingUserStore):
    """Wraps a user store; a user is cached for `LASTS_S`."""

    def __init__(self, store: UserStore) -> None:
        super().__init__(store)
        self._read = BoundedCache[tuple[float, User]](USERS_MAX)
        self._changes = 0
        self._loads = Coalescer(self._load)
        self._owners = BoundedCache[tuple[float, str | None]](USERS_MAX)
        self._owner_loads = Coalescer(self._store.key_owners)

    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        given = list(users)
        try:
            return self._store.put(given, events)
        finally:
            self._changes += 1
            for user in given:
                self._read.drop(user.id)

    def forget(self) -> None:
        """Forget all users: the store holds others now."""
        self._changes += 1
        self._read = BoundedCache[tuple[float, User]](USERS_MAX)
        self._owners.clear()

    def settle(self) -> None:
        sleep(LASTS_S)

    def users(self, ids: Iterable[str]) -> dict[str, User]:
        wanted, now_s = list(ids), monotonic()
        cached = [(each, hit) for each in wanted if (hit := self._read.get(each)) is not None]
        found = {each: user for each, (until_s, user) in cached if now_s < until_s}
        missing = [each for each in wanted if each not in found]
        if not missing and wanted:
            return found
        changes = self._changes
        read = self._loads.get_many(missing)
        if self._changes == changes:  # else it may be older than a change made meanwhile
            self._remember(read, now_s + LASTS_S)
        return found | read

    def key_owners(self, hashes: Iterable[str]) -> dict[str, str]:
        wanted, now_s = list(hashes), monotonic()
        known = {each: hit for each in wanted if (hit := self._owners.get(each)) is not None}
        missing = [each for each in wanted if each not in known or known[each][0] <= now_s]
        read = self._owner_loads.get_many(missing) if missing else {}
        for each in missing:
            known[each] = now_s + LASTS_S, read.get(each)
            self._owners.put(each, known[each])
        return {each: owner for each, (_, owner) in known.items() if owner is not None}

    def _load(self, ids: list[str]) -> dict[str, User]:
        return self._store.users(ids)

    def _remember(self, users: dict[str, User], until_s: float) -> None:
        for each, user in users.items():
            self._read.put(each, (until_s, user))
