"""Changes of users: each is applied to the newest version and saved with its event."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from msgspec.structs import replace

from accounts_bank.collections.client import Clock, NewId, OnSaved
from accounts_bank.errors import InvalidToken, Unavailable
from accounts_bank.identity import Event, User
from accounts_bank.stores.base import PutStatus, UserStore

TRIES_MAX = 10
"""A change is tried this often if other changes of the same user interfere."""

LOCKS, LOCK_TIMEOUT_S = 256, 5
"""Changes of one user take its lock in this process. Several users share a lock."""

UNTOLD = ""
"""The kind of a change without an event: a new secret of a session of the pages."""

REVOKES_NOTHING = frozenset({"login", "login_refreshed", "user_updated", UNTOLD})
"""Changes that revoke nothing; other processes may see them a moment later."""

Change = Callable[[User], User]


class UserChanges:
    """Saves changes of users.

    Every method may raise `Unavailable` if the store does not answer.
    """

    def __init__(self, store: UserStore, *, clock: Clock, new_id: NewId, on_saved: OnSaved) -> None:
        """Take the parts; they are those of `UserCollection`."""
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._on_saved = on_saved
        self._locks = [Lock() for _ in range(LOCKS)]

    def change(self, user: User, change: Change, kind: str, actor_id: str | None = None) -> User:
        """Apply a change to the newest version of a user.

        A change that ends a session or changes a role is in force in all processes on return.

        :param actor_id: None for the user itself; `NOBODY` for an actor that is no user.
        """
        with self._lock(user.id):
            changed = self._apply(user, change, kind, user.id if actor_id is None else actor_id)
        if kind not in REVOKES_NOTHING:
            self._store.settle()
        return changed

    def _apply(self, user: User, change: Change, kind: str, actor_id: str) -> User:
        for _ in range(TRIES_MAX):
            changed = replace(change(user), version=user.version + 1)
            if self.put(changed, kind, actor_id=actor_id) is PutStatus.SAVED:
                return changed
            user = self.existing(user.id)
        raise Unavailable("Too many changes to one user at once.")

    @contextmanager
    def _lock(self, user_id: str) -> Iterator[None]:
        """Take the lock of a user, with a timeout: a change waits for a store that may hang."""
        lock = self._locks[hash(user_id) % LOCKS]
        if not lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise Unavailable("Other changes of this user wait for the store.")
        try:
            yield
        finally:
            lock.release()

    def put(self, user: User, kind: str, actor_id: str) -> PutStatus:
        """Save one user with its event, once. The kind `UNTOLD` has no event."""
        if kind == UNTOLD:
            return self._store.put((user,))[0]
        event = Event(self._new_id(), kind, self._clock(), user.id, actor_id or None)
        (status,) = self._store.put((user,), (event,))
        self._on_saved(1)
        return status

    def record(self, kind: str, user: User | None) -> None:
        """Save an event that changes no user; `user` is None for an unknown name."""
        user_id = user.id if user else None
        self._store.put((), (Event(self._new_id(), kind, self._clock(), user_id, None),))
        self._on_saved(1)

    def note(self, kind: str, event_id: str, actor_id: str | None) -> None:
        """Save an event of no user."""
        self._store.put((), (Event(event_id, kind, self._clock(), None, actor_id),))
        self._on_saved(1)

    def existing(self, user_id: str) -> User:
        """Read a user.

        :raises InvalidToken: the user does not exist or was deleted.
        """
        user = self._store.users((user_id,)).get(user_id)
        if user is None or user.deleted_at is not None:
            raise InvalidToken("The user was deleted.")
        return user
