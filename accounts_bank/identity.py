"""Who uses the bank: the frozen values of users, their sessions and what is told of them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from unicodedata import normalize

from msgspec import Meta, Struct
from msgspec.structs import replace

_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"

TEXT_PATTERN = rf"^[^{_CONTROL}]*$(?!\n)"
"""A line of text: no control characters, none that turn the direction of what follows."""

NAME_PATTERN = rf"^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$(?!\n)"
"""The same, with no outer spaces."""

Username = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=NAME_PATTERN,
        description="Compared case-folded and in NFKC. No control characters, no outer spaces.",
    ),
]


class Role(StrEnum):
    """What a user is to the bank."""

    CUSTOMER = "customer"
    TELLER = "teller"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Session(Struct, frozen=True, gc=False):
    """One sign-in. Its tokens carry its id; `refresh_id` is the one refresh token not yet spent."""

    id: str
    refresh_id: str
    expires_at: datetime


class User(Struct, frozen=True, kw_only=True):
    """A user. Once deleted only the id, the version and the times are left.

    `version` grows by one with each change and guards against two editors at once. `sessions`
    stand oldest first.
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

    @property
    def username_key(self) -> str:
        """The form in which usernames are compared, unique among users; "" once deleted."""
        return username_key(self.username)

    def session(self, session_id: str) -> Session | None:
        """Find a session that has not ended."""
        return next((each for each in self.sessions if each.id == session_id), None)

    def without_session(self, session_id: str) -> "User":
        """End a session."""
        return replace(
            self, sessions=tuple(each for each in self.sessions if each.id != session_id)
        )


class Caller(Struct, frozen=True, gc=False):
    """Whoever makes a request, as its token and its user say."""

    id: str
    role: Role
    session_id: str


class Event(Struct, frozen=True, gc=False):
    """Something that happened to a user and must be audited.

    `kind` is one of `user_registered`, `user_updated`, `user_deleted`, `password_changed`,
    `password_refused`, `login`, `login_failed`, `login_refreshed`, `refresh_reused`, `logout`,
    `role_changed_to_` and the role, `role_restored` (to the last admin).
    `user_id` is None where nobody has the name that was given. No personal data is in it: it
    stays in the audit log for ever.
    """

    id: str
    kind: str
    at: datetime
    user_id: str | None
    actor_id: str | None


def username_key(username: str) -> str:
    """Fold a username for comparison: NFKC, then case folding, then NFKC (UAX 31, R4 and R5)."""
    return normalize("NFKC", normalize("NFKC", username).casefold())
