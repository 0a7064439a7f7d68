"""UserCollection: users, their sessions, passwords and roles."""

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.api_keys import ApiKeys
from accounts_bank.collections.password_rules import check_password
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.collections.sessions import SessionCollection
from accounts_bank.errors import (
    Forbidden,
    InvalidCredentials,
    InvalidToken,
    LastAdmin,
    NotFound,
    PreconditionFailed,
    UsernameTaken,
)
from accounts_bank.identity import Caller, Role, User, username_key
from accounts_bank.stores.base import PutStatus, UserStore
from accounts_bank.usernames import check_username, skeleton

SCANNED_USERS = 1_000
"""The page size of the search for an admin."""

Expected = Callable[[User], bool]
"""Returns whether a user is still in the state that the caller knows."""


class UserCollection(SessionCollection):
    """The users of the bank, their sessions and their keys.

    Every method may raise `Unavailable` if the store does not answer.
    """

    def __init__(self, store: UserStore, accounts: AccountCollection, **parts: Any) -> None:
        """Take the store, the accounts and the parts of `SessionCollection`."""
        super().__init__(store, **parts)
        self._accounts = accounts
        self.keys = ApiKeys(
            store, self._changes, accounts, clock=parts["clock"], new_id=parts["new_id"]
        )

    def sign_up(self, username: str, password: str, full_name: str | None = None) -> User:
        """Register a customer.

        :param password: the password in clear text; the store keeps its hash.
        :raises PasswordWeak: the password is common, or little more than a name.
        :raises UsernameTaken: a user has a name that compares equal.
        """
        check_username(username)
        check_password(password, (username, full_name))
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
        user_id: str = "",
    ) -> User:
        """Add a user of any role.

        :param password_hash: the hash of the password in the PHC string format.
        :param user_id: an id that is used once, also if its user leaves; "" for a new one.
        :raises UsernameNotAllowed: it has invisible characters, symbols or several scripts.
        :raises UsernameTaken: a user has a name that compares equal or looks alike.
        """
        check_username(username)
        user = User(
            id=user_id or self._new_id(),
            username=username,
            full_name=full_name,
            password_hash=password_hash,
            created_at=self._clock(),
            role=role,
            skeleton=skeleton(username),
        )
        if self._changes.put(user, "user_registered", actor_id=user.id) is not PutStatus.SAVED:
            raise UsernameTaken
        return user

    def note(self, kind: str, event_id: str, actor_id: str | None) -> None:
        """Save an event of the bank itself, for the audit trail.

        :param event_id: is no id of `new_id`, so that a note moves no later id.
        """
        self._changes.note(kind, event_id, actor_id)

    def user(self, caller: Caller) -> User:
        """Read the caller's own user in the newest version."""
        return self._newest(self._changes.existing(caller.id))

    def update(
        self, caller: Caller, full_name: str | None, is_expected: Expected | None = None
    ) -> User:
        """Change the caller's profile.

        :param is_expected: returns whether the user is in the state that the caller knows; None
            accepts every state.
        :raises PreconditionFailed: `is_expected` returned False.
        """

        def updated(user: User) -> User:
            if is_expected is not None and not is_expected(user):
                raise PreconditionFailed
            return replace(user, full_name=full_name)

        user = self._changes.existing(caller.id)
        return self._changes.change(
            user if is_expected is None else self._newest(user), updated, "user_updated"
        )

    def prove(self, caller: Caller, password: str) -> User:
        """Return the caller's user if it knows its password.

        :raises InvalidCredentials: it is not the password.
        """
        user = self._changes.existing(caller.id)
        if not self._passwords.verify(password, user.password_hash):
            self._changes.record("password_refused", user)
            raise InvalidCredentials
        return user

    def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Change the password and end every other session.

        :raises InvalidCredentials: `current` is not the password.
        :raises PasswordWeak: the new one is common, or little more than a name.
        """
        user = self.prove(caller, current)
        check_password(new, (user.username, user.full_name))
        proven, fresh = user.password_hash, self._passwords.hash(new)

        def changed(user: User) -> User:
            if user.password_hash != proven:
                raise InvalidCredentials
            session = user.session(caller.session_id)
            return replace(user, password_hash=fresh, sessions=(session,) if session else ())

        self._changes.change(user, changed, "password_changed")

    def reset_password(self, caller: Caller, user_id: str, new: str) -> User:
        """Give a user a new password, and end all sessions of the user.

        :raises NotFound: there is no such user.
        :raises PasswordWeak: it is common, or little more than a name.
        """
        user = self.read(user_id)
        check_password(new, (user.username, user.full_name))
        change = partial(replace, password_hash=self._passwords.hash(new), sessions=())
        return self._changes.change(user, change, "password_reset", caller.id)

    def delete(self, caller: Caller) -> None:
        """Delete the caller. The id, the version and the times remain.

        :raises Refused: `accounts_open`, the caller has accounts that are not closed.
        """
        self._accounts.leave(caller)

        def deleted(user: User) -> User:
            return replace(
                user,
                username="",
                full_name=None,
                password_hash="",
                sessions=(),
                api_keys=(),
                deleted_at=self._clock(),
                skeleton=None,
            )

        self._changes.change(self._changes.existing(caller.id), deleted, "user_deleted")

    def page(self, caller: Caller, *, after: str, limit: int) -> tuple[list[User], str | None]:
        """Return a page of all users in the order of their ids.

        Deleted users are omitted, so a page may be shorter than `limit` before the end.

        :param after: the id after which the page starts; "" for the first page.
        :returns: the users, and the `after` of the next page or None at the end.
        :raises Forbidden: the caller lacks LIST_USERS.
        """
        if not may(caller.role, Permission.LIST_USERS):
            raise Forbidden("Look a user up by `username`.")
        found = self._store.users_after(after, limit=limit + 1)
        shown = found[:limit]
        last_id = shown[-1].id if len(found) > limit else None
        return [user for user in shown if user.deleted_at is None], last_id

    def find(self, username: str) -> list[User]:
        """Return the user with an equal username (see `username_key`), or an empty list."""
        user = self._find(username)
        return [] if user is None else [user]

    def read(self, user_id: str) -> User:
        """Read a user by id in the newest version.

        :raises NotFound: there is no such user, or it was deleted.
        """
        user = self._store.users((user_id,)).get(user_id)
        if user is None or user.deleted_at is not None:
            raise NotFound
        return self._newest(user)

    def change_role(self, caller: Caller, user_id: str, role: Role) -> User:
        """Give a user another role. To give the present role changes nothing.

        Two processes may take the role from the last two admins at once. Each therefore checks
        again after its change, and restores the role if no admin is left.

        :raises NotFound: there is no such user.
        :raises LastAdmin: no other user may change roles.
        """

        def changed(user: User) -> User:
            self.keep_an_admin(user, role)
            return replace(user, role=role)

        user = self.read(user_id)
        if user == replace(user, role=role):
            return user
        try:
            saved = self._changes.change(user, changed, f"role_changed_to_{role}", caller.id)
        except InvalidToken:  # deleted meanwhile
            raise NotFound from None
        try:
            self.keep_an_admin(user, role)
        except LastAdmin:
            back = partial(replace, role=user.role)
            self._changes.change(saved, back, "role_restored", caller.id)
            raise
        return saved

    def check(self) -> None:
        """Check that the store answers.

        :raises Unavailable: it does not.
        """
        self._store.users(())

    def keep_an_admin(self, user: User, role: Role) -> None:
        """Raise LastAdmin if a new role takes CHANGE_ROLES from the last user that has it."""
        takes = _manages_roles(user.role) and not _manages_roles(role)
        if takes and not self._has_admin_besides(user):
            raise LastAdmin

    def _has_admin_besides(self, user: User) -> bool:
        found = self._store.users_after("", limit=SCANNED_USERS)
        while found:
            others = (each for each in found if each.deleted_at is None and each.id != user.id)
            if any(_manages_roles(each.role) for each in others):
                return True
            found = self._store.users_after(found[-1].id, limit=SCANNED_USERS)
        return False


def _manages_roles(role: Role) -> bool:
    return may(role, Permission.CHANGE_ROLES)
