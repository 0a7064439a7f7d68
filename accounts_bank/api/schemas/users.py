"""Users and tokens over the wire."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts_bank.collections.password_rules import LENGTH_ADVISED, LENGTH_MAX, LENGTH_MIN
from accounts_bank.http.cursors import IdCursor
from accounts_bank.http.fields import Input, Limit, Time
from accounts_bank.identity import NAME_PATTERN, Caller, Role, Session, User, Username

Password = Annotated[
    str,
    Meta(
        min_length=LENGTH_MIN,
        max_length=LENGTH_MAX,
        description=f"{LENGTH_ADVISED} or more characters are better. A common one is refused.",
    ),
]
GivenPassword = Annotated[str, Meta(min_length=1, max_length=LENGTH_MAX)]
FullName = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME_PATTERN)]


class UserRequest(Input, frozen=True):
    """Sign up."""

    username: Username
    password: Password
    full_name: FullName | None = None


class LoginRequest(Input, frozen=True):
    """Sign in."""

    username: Annotated[str, Meta(min_length=1, max_length=256)]
    password: GivenPassword


class ProfileRequest(Input, frozen=True):
    """Change the user's full name; null removes it."""

    full_name: FullName | None


class RoleRequest(Input, frozen=True):
    """Give a user another role."""

    role: Role


class PasswordRequest(Input, frozen=True):
    """Change the password."""

    current_password: GivenPassword
    new_password: Password


class UsersQuery(Input, frozen=True):
    """The query of the list of users, or of one username."""

    limit: Limit = 20
    cursor: IdCursor | UnsetType = UNSET
    username: Username | UnsetType = UNSET


class UserView(Struct, frozen=True):
    """A user."""

    id: str
    username: str
    full_name: str | None
    role: Role
    created_at: Time


class TokensView(Struct, frozen=True):
    """A session's tokens. `expires_in` is the access token's life in seconds.

    `ended_session` is there where this sign-in was one too many: the id of the session that it
    ended, the one that was used longest ago.
    """

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    ended_session: str | UnsetType = UNSET


class SessionView(Struct, frozen=True):
    """One sign-in. `agent` is the client's `User-Agent`; `current` marks the caller's own.

    `last_used_at` is the time of the sign-in, of the last refresh, or of the last use of the pages.
    """

    id: str
    created_at: Time
    last_used_at: Time
    address: str
    agent: str
    current: bool


def began(session: Session) -> tuple[datetime, str]:
    """Return the place of a session in the order of sign-ins."""
    return session.created_at, session.id


def session_view(session: Session, caller: Caller) -> SessionView:
    """Show a session to its user."""
    return SessionView(
        session.id,
        session.created_at,
        session.last_used_at,
        session.address,
        session.agent,
        session.id == caller.session_id,
    )


def user_view(user: User) -> UserView:
    """Show a user to itself and to the staff."""
    return UserView(user.id, user.username, user.full_name, user.role, user.created_at)
