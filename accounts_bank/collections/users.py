"""UserCollection: sign up, sign in, stay signed in, leave, and who has which role."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Lock

from msgspec.structs import replace

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import Clock, NewId, OnSaved
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import (
    Forbidden,
    InvalidCredentials,
    InvalidToken,
    LastAdmin,
    NotFound,
    PreconditionFailed,
    Unavailable,
    UsernameTaken,
)
from accounts_bank.identity import Caller, Event, Role, Session, User, username_key
from accounts_bank.stores.base import PutStatus, UserStore

SESSIONS_MAX = 50
"""How many sessions a user may have at once: one more ends the oldest."""

TRIES_MAX = 10
"""How often a change is tried again when somebody else changed the same user meanwhile."""

TURNS, TURN_TIMEOUT_S = 256, 5
"""Those who change one user take turns in a process, and so do some who change another."""

TAKES_NOTHING = frozenset({"login", "login_refreshed", "user_updated"})
"""Changes that take nothing from anybody: others may learn of them a moment later."""

SCANNED_USERS = 1_000
"""How many users are read at once in search of an admin."""

Change = Callable[[User], User]
Expected = Callable[[User], bool]
"""Tells whether a user is still as the caller knows it."""


class UserCollection:
    """The users of the bank and their sessions."""

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        store: UserStore,
        accounts: AccountCollection,
        *,
        passwords: Passwords,
        clock: Clock,
        new_id: NewId,
        session_lasts: timedelta,
        on_saved: OnSaved,
    ) -> None:
        """Join what it needs; `on_saved` is called after each change, for the audit log."""
        self._store = store
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._new_id = new_id
        self._session_lasts = session_lasts
        self._on_saved = on_saved
        self._turns = [Lock() for _ in range(TURNS)]

    def sign_up(self, username: str, password: str, full_name: str | None = None) -> User:
        """Add a customer.

        :raises UsernameTaken: somebody has a name that compares equal.
        """
        if self._store.user_named(username_key(username)):
            raise UsernameTaken
        return self.add(username, self._passwords.hash(password), full_name=full_name)

    def add(
        self,
        username: str,
        password_hash: str,
        *,
        role: Role = Role.CUSTOMER,
        full_name: str | None = None,
    ) -> User:
        """Add a user of any role whose password is hashed already.

        :raises UsernameTaken: somebody has a name that compares equal.
        """
        user = User(
            id=self._new_id(),
            username=username,
            full_name=full_name,
            password_hash=password_hash,
            created_at=self._clock(),
            role=role,
        )
        if self._put(user, "user_registered", actor_id=user.id) is not PutStatus.SAVED:
            raise UsernameTaken
        return user

    def login(self, username: str, password: str) -> tuple[User, Session]:
        """Begin a session; an unknown name and a wrong password cost and answer the same.

        :raises InvalidCredentials: the two do not belong together.
        """
        user = self._named(username)
        if not self._passwords.verify(password, user.password_hash if user else None) or not user:
            self._tell("login_failed", user)
            raise InvalidCredentials
        session, proven = self._new_session(), user.password_hash

        def signed_in(user: User) -> User:
            if user.password_hash != proven:
                raise InvalidCredentials
            return replace(user, sessions=(*self._alive(user), session)[-SESSIONS_MAX:])

        return self._change(user, signed_in, "login"), session

    def refresh(self, user_id: str, session_id: str, refresh_id: str) -> tuple[User, Session]:
        """Spend a refresh token for a new one. One that is spent already ends the session.

        :raises InvalidToken: the session has ended, or ends now.
        """
        user, session = self._signed_in(user_id, session_id, newest=True)
        if session.refresh_id != refresh_id:
            self._change(user, lambda user: user.without_session(session_id), "refresh_reused")
            raise InvalidToken("The refresh token was used before: the session has ended.")
        fresh = replace(self._new_session(), id=session_id)

        def refreshed(user: User) -> User:
            current = user.session(session_id)
            if current is None or current.refresh_id != refresh_id:
                raise InvalidToken("The refresh token was used before.")
            others = user.without_session(session_id).sessions
            return replace(user, sessions=(*others, fresh))

        try:
            return self._change(user, refreshed, "login_refreshed"), fresh
        except InvalidToken:
            return self.refresh(user_id, session_id, refresh_id)

    def caller(self, user_id: str, session_id: str) -> Caller:
        """Say who calls, with the role as it is now.

        :raises InvalidToken: the session has ended, or the user is gone.
        """
        user, session = self._signed_in(user_id, session_id)
        return Caller(user.id, user.role, session.id)

    def user(self, caller: Caller) -> User:
        """Read the caller's own user, as any process has left it."""
        return self._newest(self._existing(caller.id))

    def update(
        self, caller: Caller, full_name: str | None, is_expected: Expected | None = None
    ) -> User:
        """Change what the user says of itself, where it is still as expected.

        :raises PreconditionFailed: it is not.
        """

        def updated(user: User) -> User:
            if is_expected is not None and not is_expected(user):
                raise PreconditionFailed
            return replace(user, full_name=full_name)

        user = self._existing(caller.id)
        return self._change(
            user if is_expected is None else self._newest(user), updated, "user_updated"
        )

    def logout(self, caller: Caller) -> None:
        """End the caller's session."""
        self._change(
            self._existing(caller.id),
            lambda user: user.without_session(caller.session_id),
            "logout",
        )

    def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Change the password and end every other session.

        :raises InvalidCredentials: `current` is not the password.
        """
        user = self._existing(caller.id)
        if not self._passwords.verify(current, user.password_hash):
            self._tell("password_refused", user)
            raise InvalidCredentials
        proven, fresh = user.password_hash, self._passwords.hash(new)

        def changed(user: User) -> User:
            if user.password_hash != proven:
                raise InvalidCredentials
            session = user.session(caller.session_id)
            return replace(user, password_hash=fresh, sessions=(session,) if session else ())

        self._change(user, changed, "password_changed")

    def delete(self, caller: Caller) -> None:
        """Delete the caller: all that is kept is an id without a name.

        :raises Refused: `accounts_open`, an account of theirs is not closed yet.
        """
        self._accounts.leave(caller)

        def deleted(user: User) -> User:
            return replace(
                user,
                username="",
                full_name=None,
                password_hash="",
                sessions=(),
                deleted_at=self._clock(),
            )

        self._change(self._existing(caller.id), deleted, "user_deleted")

    def page(self, caller: Caller, *, after: str, limit: int) -> tuple[list[User], str | None]:
        """Give users with ids above `after`, and the last id that was read if there are more.

        Deleted users are left out, so there may be fewer than `limit` before the end.

        :raises Forbidden: a teller serves whoever gives a name, and needs no list.
        """
        if not may(caller.role, Permission.LIST_USERS):
            raise Forbidden("Look a user up by `username`.")
        found = self._store.users_after(after, limit=limit + 1)
        shown = found[:limit]
        last_id = shown[-1].id if len(found) > limit else None
        return [user for user in shown if user.deleted_at is None], last_id

    def find(self, username: str) -> list[User]:
        """Give the user with a username that compares equal, if there is one."""
        user = self._named(username)
        return [] if user is None else [user]

    def read(self, user_id: str) -> User:
        """Read any user by id.

        :raises NotFound: there is none, or it was deleted.
        """
        user = self._store.users((user_id,)).get(user_id)
        if user is None or user.deleted_at is not None:
            raise NotFound
        return self._newest(user)

    def change_role(self, caller: Caller, user_id: str, role: Role) -> User:
        """Give a user another role; one that it has already changes nothing.

        The role may be taken from two last admins at once. Whoever does so looks again afterwards,
        and puts back what leaves nobody.

        :raises NotFound: there is no such user.
        :raises LastAdmin: nobody else could manage roles.
        """

        def changed(user: User) -> User:
            self._keep_an_admin(user, role)
            return replace(user, role=role)

        user = self.read(user_id)
        if user == replace(user, role=role):
            return user
        try:
            saved = self._change(user, changed, f"role_changed_to_{role}", caller.id)
        except InvalidToken:  # deleted meanwhile
            raise NotFound from None
        try:
            self._keep_an_admin(user, role)
        except LastAdmin:
            back = partial(replace, role=user.role)
            self._change(saved, back, "role_restored", caller.id)
            raise
        return saved

    def check(self) -> None:
        """Ask the store whether it answers.

        :raises Unavailable: it does not.
        """
        self._store.users(())

    def _new_session(self) -> Session:
        return Session(self._new_id(), self._new_id(), self._clock() + self._session_lasts)

    def _signed_in(
        self, user_id: str, session_id: str, *, newest: bool = False
    ) -> tuple[User, Session]:
        user = self._store.users((user_id,)).get(user_id)
        if user and (newest or not user.session(session_id)):  # begun run_in_thread a moment ago
            user = self._newest(user)
        session = user.session(session_id) if user else None
        if user is None or session is None or session.expires_at <= self._clock():
            raise InvalidToken("The session has ended: sign in again.")
        return user, session

    def _existing(self, user_id: str) -> User:
        user = self._store.users((user_id,)).get(user_id)
        if user is None or user.deleted_at is not None:
            raise InvalidToken("The user was deleted.")
        return user

    def _named(self, username: str) -> User | None:
        """Find who has a name. Nobody has one with NUL in it, and PostgreSQL refuses to look."""
        return None if "\0" in username else self._store.user_named(username_key(username))

    def _newest(self, user: User) -> User:
        """Read a user past what is remembered: the store knows what other processes changed."""
        return self._store.user_named(user.username_key) or user

    def _keep_an_admin(self, user: User, role: Role) -> None:
        """Refuse to take the permission to change roles from the last user that has it."""
        takes = _manages_roles(user.role) and not _manages_roles(role)
        if takes and not self._has_admin_besides(user):
            raise LastAdmin

    def _has_admin_besides(self, user: User) -> bool:
        found = self._store.users_after("", limit=SCANNED_USERS)
        while found:
            alive = (each for each in found if each.deleted_at is None)
            if any(_manages_roles(each.role) and each.id != user.id for each in alive):
                return True
            found = self._store.users_after(found[-1].id, limit=SCANNED_USERS)
        return False

    def _change(self, user: User, change: Change, kind: str, actor_id: str | None = None) -> User:
        """Apply a change to the newest version of a user, however many change it at once.

        What ends a session or changes a role holds everywhere on return.
        """
        with self._turn(user.id):
            changed = self._changed(user, change, kind, actor_id or user.id)
        if kind not in TAKES_NOTHING:
            self._store.settle()
        return changed

    def _changed(self, user: User, change: Change, kind: str, actor_id: str) -> User:
        for _ in range(TRIES_MAX):
            changed = replace(change(user), version=user.version + 1)
            if self._put(changed, kind, actor_id=actor_id) is PutStatus.SAVED:
                return changed
            user = self._existing(user.id)
        raise Unavailable("Too many changes to one user at once.")

    @contextmanager
    def _turn(self, user_id: str) -> Iterator[None]:
        """Wait for those who change the same user, but not for ever: a store may stand still."""
        lock = self._turns[hash(user_id) % TURNS]
        if not lock.acquire(timeout=TURN_TIMEOUT_S):
            raise Unavailable("Others change this user, and the store keeps them waiting.")
        try:
            yield
        finally:
            lock.release()

    def _put(self, user: User, kind: str, actor_id: str) -> PutStatus:
        event = Event(self._new_id(), kind, self._clock(), user.id, actor_id)
        (status,) = self._store.put((user,), (event,))
        self._on_saved(1)
        return status

    def _alive(self, user: User) -> tuple[Session, ...]:
        now = self._clock()
        return tuple(each for each in user.sessions if each.expires_at > now)

    def _tell(self, kind: str, user: User | None) -> None:
        user_id = user.id if user else None
        self._store.put((), (Event(self._new_id(), kind, self._clock(), user_id, None),))
        self._on_saved(1)


def _manages_roles(role: Role) -> bool:
    return may(role, Permission.CHANGE_ROLES)
