"""ApiKeys: the keys with which programs act for their owners."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from threading import Lock

from msgspec.structs import replace

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import Clock, NewId
from accounts_bank.collections.user_changes import UNTOLD, UserChanges
from accounts_bank.errors import (
    ApiKeysFull,
    InvalidRequest,
    InvalidToken,
    NotDecided,
    NotFound,
)
from accounts_bank.identity import ApiKey, Caller, KeyRole, Scope, User
from accounts_bank.stores.base import UserStore

SECRET_START = "acc_"  # noqa: S105 - a mark for secret scanners, no secret
SECRET_BYTES = 32
PREFIX_LENGTH = len(SECRET_START) + 8
"""The prefix tells 48 bits of the secret, and 208 stay unknown."""

KEYS_MAX = 50
"""A user has at most this many keys."""

NOTED_EVERY = timedelta(minutes=1)
"""The last use of a key is written at most this often."""

TRY_AGAIN_S = 5.0

_NOT_VALID = "The key is not valid here, or it was ended."


def new_secret() -> str:
    """Make the random part of a secret: 256 bits as 43 characters (RFC 4648, 5)."""
    return token_urlsafe(SECRET_BYTES)


class KeyUses:
    """Writes the last uses of keys, off the path of their requests: a job of the runner."""

    def __init__(self, write: Callable[[str, str, datetime], None]) -> None:
        """Take a function that writes the use of a user's key at a time.

        Without a runner each use is written at once, which a store in memory does in no time.
        """
        self.wake: Callable[[float], None] = lambda _in_s: self._write_at_once()
        self._write = write
        self._lock = Lock()
        self._noted: dict[str, tuple[str, datetime]] = {}

    def note(self, user_id: str, key: ApiKey, now: datetime) -> None:
        """Note that a user's key was used, unless its last use is recent."""
        if _is_recent(key, now):
            return
        with self._lock:
            if key.id in self._noted:
                return
            self._noted[key.id] = user_id, now
        self.wake(0.0)

    def tick(self) -> float | None:
        """Write what was noted; return the seconds until the next try, None without one."""
        return self._write_all()

    def close(self) -> None:
        """Do nothing: a use that was not written is lost."""

    def _write_at_once(self) -> None:
        self._write_all()

    def _write_all(self) -> float | None:
        for key_id, (user_id, at) in list(self._noted.items()):
            try:
                self._write(user_id, key_id, at)
            except NotDecided:
                return TRY_AGAIN_S
            except (InvalidToken, NotFound):  # the user or the key is gone, or it is written
                pass
            with self._lock:
                del self._noted[key_id]
        return None


class ApiKeys:
    """The keys of the users.

    Every method may raise `Unavailable` if the store does not answer.
    """

    def __init__(
        self,
        store: UserStore,
        changes: UserChanges,
        accounts: AccountCollection,
        *,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        """Take the parts; they are those of `UserCollection`."""
        self._store = store
        self._changes = changes
        self._accounts = accounts
        self._clock = clock
        self._new_id = new_id
        self.uses = KeyUses(self._write_use)

    def make(  # noqa: PLR0913 - the parts of a key
        self,
        caller: Caller,
        name: str,
        scopes: Sequence[Scope],
        *,
        accounts: Sequence[str] | None = None,
        expires_at: datetime | None = None,
        daily_limit_minor: int | None = None,
        key_id: str = "",
    ) -> tuple[ApiKey, str]:
        """Make a key of the caller, and return it with its secret, which nothing tells again.

        :param accounts: the ids or numbers of the accounts that it reaches; None for all.
        :param expires_at: the end of the key; None for a key without an end.
        :param daily_limit_minor: the most that it pays or holds in a day (UTC) in each currency, in
            minor units; None for no limit.
        :param key_id: an id that is used once; "" for a new one.
        :raises NotFound: an account does not exist, or it is not the caller's own.
        :raises InvalidRequest: the end is past.
        :raises ApiKeysFull: the caller has as many keys as a user may have.
        """
        now = self._clock()
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("Send a time that is not past.", pointer="/expires_at")
        secret = f"{SECRET_START}{new_secret()}"
        key = ApiKey(
            id=key_id or self._new_id(),
            name=name,
            prefix=secret[:PREFIX_LENGTH],
            hash=hash_of(secret),
            scopes=tuple(sorted(set(scopes))),
            created_at=now,
            accounts=None if accounts is None else self._own_ids(caller, accounts),
            expires_at=expires_at,
            daily_limit_minor=daily_limit_minor,
        )
        self._changes.change(self._newest(caller.id), _with(key), f"api_key_made_{key.id}")
        return key, secret

    def of(self, caller: Caller) -> list[ApiKey]:
        """Return the caller's keys, the newest first."""
        return list(reversed(self._newest(caller.id).api_keys))

    def read(self, caller: Caller, key_id: str) -> ApiKey:
        """Return one of the caller's keys.

        :raises NotFound: the caller has no such key.
        """
        return _key(self._newest(caller.id), key_id)

    def end(self, caller: Caller, key_id: str) -> None:
        """End one of the caller's keys, in all processes.

        :raises NotFound: the caller has no such key.
        """

        def ended(user: User) -> User:
            key = _key(user, key_id)
            return replace(user, api_keys=tuple(each for each in user.api_keys if each is not key))

        user = self._newest(caller.id)
        self._changes.change(user, ended, f"api_key_ended_{_key(user, key_id).id}")

    def caller(self, secret: str) -> Caller:
        """Return the caller of a key, with a part of its owner's present role.

        :raises InvalidToken: there is no such key, it was ended or has expired, or its owner left.
        """
        key_hash, now = hash_of(secret), self._clock()
        user = self._owner(key_hash)
        key = _key_with(user, key_hash) if user else None
        if user is not None and key is None:  # another process may have made it
            user = self._newest(user.id)
            key = _key_with(user, key_hash)
        if user is None or key is None or not key.is_live(now):
            raise InvalidToken(_NOT_VALID)
        self.uses.note(user.id, key, now)
        return Caller(user.id, KeyRole(user.role), "", key)

    def _own_ids(self, caller: Caller, names: Sequence[str]) -> tuple[str, ...]:
        accounts = [self._accounts.account(caller, each) for each in names]
        if not all(map(caller.owns, accounts)):
            raise NotFound
        return tuple(sorted({each.id for each in accounts}))

    def _owner(self, key_hash: str) -> User | None:
        owner_id = self._store.key_owners((key_hash,)).get(key_hash)
        return None if owner_id is None else self._store.users((owner_id,)).get(owner_id)

    def _newest(self, user_id: str) -> User:
        """Read a user past the cache, with the changes of other processes."""
        user = self._changes.existing(user_id)
        return self._store.user_named(user.username_key) or user

    def _write_use(self, user_id: str, key_id: str, at: datetime) -> None:
        def used(user: User) -> User:
            key = _key(user, key_id)
            if _is_recent(key, at):  # another process has written it
                raise NotFound
            fresh = replace(key, last_used_at=at)
            keys = tuple(fresh if each is key else each for each in user.api_keys)
            return replace(user, api_keys=keys)

        self._changes.change(self._newest(user_id), used, UNTOLD)


def hash_of(secret: str) -> str:
    """Return the SHA-256 of a secret, as hex. No slower hash is needed for 256 random bits."""
    return sha256(secret.encode()).hexdigest()


def _with(key: ApiKey) -> Callable[[User], User]:
    def added(user: User) -> User:
        if len(user.api_keys) >= KEYS_MAX:
            raise ApiKeysFull(f"A user has at most {KEYS_MAX} keys. End one of them first.")
        return replace(user, api_keys=(*user.api_keys, key))

    return added


def _key(user: User, key_id: str) -> ApiKey:
    for each in user.api_keys:
        if each.id == key_id.lower():
            return each
    raise NotFound


def _key_with(user: User, key_hash: str) -> ApiKey | None:
    return next((each for each in user.api_keys if each.hash == key_hash), None)


def _is_recent(key: ApiKey, now: datetime) -> bool:
    return key.last_used_at is not None and now < key.last_used_at + NOTED_EVERY
