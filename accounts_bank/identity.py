"""The frozen values of users, their roles, sessions and events."""

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Protocol
from unicodedata import normalize

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple, replace

_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"

NOBODY = ""
"""The id of an actor that is no user, such as the operator of the machine."""
TEXT_PATTERN = rf"^[^{_CONTROL}]*$(?!\n)"
"""A line of text without control characters and without marks that change its direction."""

NAME_PATTERN = rf"^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$(?!\n)"
"""The same without outer spaces."""

Username = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=NAME_PATTERN,
        description="Compared case-folded and in NFKC. No control characters, no outer spaces.",
    ),
]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Role(StrEnum):
    """The relation of a user to the bank; `collections.permissions` says which rights it has."""

    CUSTOMER = "customer"
    TELLER = "teller"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Scope(StrEnum):
    """A part of the API that a key for programs opens."""

    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    HOLDS_WRITE = "holds:write"
    SCHEDULES_WRITE = "schedules:write"
    WEBHOOKS_WRITE = "webhooks:write"
    EVENTS_READ = "events:read"


class ApiKey(Struct, frozen=True, gc=False, omit_defaults=True):
    """A key with which a program acts for its owner. The bank keeps its secret as a hash.

    :param prefix: the first characters of the secret, by which its owner knows it.
    :param hash: the SHA-256 of the secret, as hex.
    :param accounts: the ids of the accounts that it reaches; None for all of its owner's.
    :param daily_limit_minor: the most that it pays or holds in a day (UTC) in each currency, in
        minor units; None for no limit.
    """

    id: str
    name: str
    prefix: str
    hash: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    accounts: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    daily_limit_minor: int | None = None
    last_used_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Return whether the key has not expired at a time."""
        return self.expires_at is None or now < self.expires_at


class Device(Struct, frozen=True, gc=False):
    """A client that signs in: its address, its `User-Agent`, and whether it uses the pages."""

    address: str = ""
    agent: str = ""
    is_of_pages: bool = False


class Session(Struct, frozen=True, gc=False, omit_defaults=True):
    """One sign-in. Its tokens carry `id`; `refresh_id` is the id of the unused refresh token.

    `previous_id` is the secret before it, for sessions of the pages. `displaced` is the id of the
    session that this sign-in ended, because the user had too many.
    """

    id: str
    refresh_id: str
    expires_at: datetime
    created_at: datetime = EPOCH
    last_used_at: datetime = EPOCH
    address: str = ""
    agent: str = ""
    is_of_pages: bool = False
    previous_id: str = ""
    displaced: str = ""

    @property
    def secrets(self) -> set[str]:
        """The secrets that are good: the present one and the one before it."""
        return {self.refresh_id, self.previous_id} - {""}


class User(Struct, frozen=True, kw_only=True):
    """A user. A deleted user keeps only the id, the version and the times.

    Each change increments `version`, which detects concurrent changes. `sessions` and `api_keys`
    are ordered from oldest to newest.
    """

    id: str
    username: str
    full_name: str | None
    password_hash: str
    created_at: datetime
    role: Role = Role.CUSTOMER
    sessions: tuple[Session, ...] = ()
    version: int = 1
    deleted_at: datetime | None = None
    skeleton: str | None = None
    api_keys: tuple[ApiKey, ...] = ()

    @property
    def username_key(self) -> str:
        """The form in which usernames are compared; unique, and "" for deleted users."""
        return username_key(self.username)

    @property
    def unique_keys(self) -> set[str]:
        """The texts that no other user has; NUL tells the two kinds apart."""
        keys = set() if self.deleted_at else {self.username_key}
        return keys | ({f"\0{self.skeleton}"} if self.skeleton else set())

    def session(self, session_id: str) -> Session | None:
        """Return the session with an id, or None."""
        return next((each for each in self.sessions if each.id == session_id), None)

    def without_session(self, session_id: str) -> "User":
        """Return the user without a session."""
        return replace(
            self, sessions=tuple(each for each in self.sessions if each.id != session_id)
        )


class Owned(Protocol):
    """An account, as far as it has an owner."""

    @property
    def id(self) -> str: ...
    @property
    def owner_id(self) -> str: ...


class KeyRole(Struct, frozen=True, gc=False):
    """The role of a key: a part of its owner's present role."""

    owner: Role


class Caller(Struct, frozen=True, gc=False):
    """The authenticated user of a request; `key` is the key of a program that acts for it."""

    id: str
    role: Role | KeyRole
    session_id: str
    key: ApiKey | None = None

    @property
    def named_accounts(self) -> tuple[str, ...] | None:
        """The ids of the accounts to which a key is limited; None without a limit."""
        return None if self.key is None else self.key.accounts

    def owns(self, account: Owned) -> bool:
        """Return whether an account is the caller's own, and its key reaches it."""
        named = self.named_accounts
        return account.owner_id == self.id and (named is None or account.id in named)


class Event(Struct, frozen=True, gc=False):
    """An event of a user for the audit log.

    `kind` is one of `user_registered`, `user_updated`, `user_deleted`, `password_changed`,
    `password_refused`, `password_reset`, `login`, `login_failed`, `login_refreshed`,
    `refresh_reused`, `logout`, `session_ended`, `session_displaced` (by a sign-in too many),
    `role_changed_to_` and the role, `role_restored` (to the last admin), `api_key_made_` or
    `api_key_ended_` and the id of a key, and for a sandbox `sandbox_` and the call.
    `user_id` is None if no user has the name of a sign-in. An event contains no personal data,
    because it stays in the audit log forever.
    """

    id: str
    kind: str
    at: datetime
    user_id: str | None
    actor_id: str | None

    @property
    def digest(self) -> str:
        """SHA-256 of all fields, as hex."""
        return sha256(msgspec.msgpack.encode(astuple(self))).hexdigest()


def username_key(username: str) -> str:
    """Fold a username for comparison: NFKC, case folding, NFKC (UAX 31, R4 and R5)."""
    return normalize("NFKC", normalize("NFKC", username).casefold())
