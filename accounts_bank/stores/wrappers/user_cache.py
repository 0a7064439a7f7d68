"""A user store with a short cache of users.

Every request checks whether its session still lives. On a database this read costs as much as the
transfer itself. A change by another process is seen here after `LASTS_S`; `settle` waits that long.
"""

from collections.abc import Iterable, Sequence
from time import monotonic, sleep

from accounts_bank.concurrency.coalescing import Coalescer
from accounts_bank.identity import Event, User
from accounts_bank.stores.base import PutStatus, UserStore
from accounts_bank.stores.wrappers.base import DelegatingUserStore

LASTS_S = 0.2
USERS_MAX = 10_000
"""The cache holds this many users, then starts empty again."""


class UserCache(DelegatingUserStore):
    """Wraps a user store; a user is cached for `LASTS_S`."""

    def __init__(self, store: UserStore) -> None:
        super().__init__(store)
        self._read: dict[str, tuple[float, User]] = {}
        self._changes = 0
        self._loads = Coalescer(self._load)

    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        given = list(users)
        try:
            return self._store.put(given, events)
        finally:
            self._changes += 1
            for user in given:
                self._read.pop(user.id, None)

    def settle(self) -> None:
        sleep(LASTS_S)

    def users(self, ids: Iterable[str]) -> dict[str, User]:
        wanted, now_s = list(ids), monotonic()
        fresh = {each: self._read[each] for each in wanted if each in self._read}
        found = {each: user for each, (until_s, user) in fresh.items() if now_s < until_s}
        missing = [each for each in wanted if each not in found]
        if not missing and wanted:
            return found
        changes = self._changes
        read = self._loads.get_many(missing)
        if self._changes == changes:  # else it may be older than a change made meanwhile
            self._remember(read, now_s + LASTS_S)
        return found | read

    def _load(self, ids: list[str]) -> dict[str, User]:
        return self._store.users(ids)

    def _remember(self, users: dict[str, User], until_s: float) -> None:
        if len(self._read) >= USERS_MAX:
            self._read = {}
        self._read.update((each, (until_s, user)) for each, user in users.items())
