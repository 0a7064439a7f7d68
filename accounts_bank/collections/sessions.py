"""SessionCollection: sign-ins, their refresh, and their end."""

from datetime import timedelta

from msgspec.structs import replace

from accounts_bank.collections.client import Clock, NewId, OnSaved
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.user_changes import UNTOLD, UserChanges
from accounts_bank.errors import InvalidCredentials, InvalidToken, NotFound
from accounts_bank.identity import Caller, Device, Session, User, username_key
from accounts_bank.stores.base import UserStore

SESSIONS_MAX = 50
"""A user has at most this many sessions. One more ends the one that was used longest ago."""

ROTATED_AFTER = timedelta(minutes=1)
"""A session of the pages gets a new secret at its first use after this time."""

IDLE_MAX = timedelta(minutes=30)
"""A session of the pages ends after this time without use (OWASP ASVS 5, 7.3.1)."""

UNKNOWN = Device()


class SessionCollection:
    """The sessions of the users.

    Every method may raise `Unavailable` if the store does not answer.
    """

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        store: UserStore,
        *,
        passwords: Passwords,
        clock: Clock,
        new_id: NewId,
        session_lasts: timedelta,
        on_saved: OnSaved,
        session_clock: Clock | None = None,
        new_session_id: NewId | None = None,
        idle_max: timedelta = IDLE_MAX,
    ) -> None:
        """Take the store and the settings.

        :param session_lasts: the lifetime of a session without a refresh.
        :param on_saved: called after each change with the number of entries; wakes the sealer.
        :param session_clock: the time by which sessions end; None takes `clock`.
        :param new_session_id: makes the ids of sessions; None takes `new_id`.
        :param idle_max: the time without use after which a session of the pages ends.
        """
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._new_id = new_id
        self._session_clock = session_clock or clock
        self._new_session_id = new_session_id or new_id
        self._session_lasts = session_lasts
        self._idle_max = idle_max
        self._changes = UserChanges(store, clock=clock, new_id=new_id, on_saved=on_saved)

    def login(self, username: str, password: str, device: Device = UNKNOWN) -> tuple[User, Session]:
        """Start a session.

        An unknown name and a wrong password take the same time and raise the same error.

        :param device: the client, for the list of sessions.
        :returns: the user and the new session; `displaced` is the id of one that it ended.
        :raises InvalidCredentials: the username or the password is wrong.
        """
        user = self._find(username)
        if not self._passwords.verify(password, user.password_hash if user else None) or not user:
            self._changes.record("login_failed", user)
            raise InvalidCredentials
        return self._begin(user, device, user.password_hash)

    def enter(self, user: User, device: Device = UNKNOWN) -> Session:
        """Start a session without a password, for a user that the bank itself has added."""
        return self._begin(user, device)[1]

    def refresh(self, user_id: str, session_id: str, refresh_id: str) -> tuple[User, Session]:
        """Exchange a refresh token for a new one. A repeated use ends the session.

        :returns: the user and the session with its new refresh id.
        :raises InvalidToken: the session has ended, or this call ends it.
        """
        user, session = self._signed_in(user_id, session_id, newest=True)
        if session.refresh_id != refresh_id:
            self._end_reused(user, session_id)
        fresh = self._extended(session)
        try:
            return self._renew(user, session, fresh), fresh
        except InvalidToken:
            return self.refresh(user_id, session_id, refresh_id)

    def rotate(self, user_id: str, session_id: str, refresh_id: str) -> Session:
        """Give a session of the pages a new secret, at most once a minute.

        The secret before it stays good until the new one is used, because an answer may get lost
        and a browser sends several requests at once. An older secret ends the session: a thief
        or the owner has used a copy.

        :returns: the session, with the new secret or else with the given one.
        :raises InvalidToken: the session has ended, or this call ends it.
        """
        user, session = self._signed_in(user_id, session_id)
        if refresh_id not in session.secrets:
            user, session = self._signed_in(user_id, session_id, newest=True)
        if refresh_id not in session.secrets:
            self._end_reused(user, session_id)
        if self._session_clock() < session.last_used_at + ROTATED_AFTER:
            return replace(session, refresh_id=refresh_id)
        fresh = replace(self._extended(session), previous_id=refresh_id)
        try:
            self._renew(user, session, fresh, UNTOLD)
        except InvalidToken:  # another request of the browser was first
            return replace(session, refresh_id=refresh_id)
        return fresh

    def caller(self, user_id: str, session_id: str) -> Caller:
        """Return the caller of a session with the present role.

        :raises InvalidToken: the session has ended, or the user was deleted.
        """
        user, session = self._signed_in(user_id, session_id)
        return Caller(user.id, user.role, session.id)

    def sessions(self, caller: Caller) -> list[Session]:
        """Return the caller's live sessions, the one that was used last first."""
        user = self._newest(self._changes.existing(caller.id))
        live = self._live_sessions(user)
        return sorted(live, key=lambda session: session.last_used_at, reverse=True)

    def end_session(self, caller: Caller, session_id: str) -> None:
        """End one of the caller's sessions.

        :raises NotFound: the caller has no such session.
        """

        def ended(user: User) -> User:
            if user.session(session_id) is None:
                raise NotFound
            return user.without_session(session_id)

        user = self._newest(self._changes.existing(caller.id))
        self._changes.change(user, ended, "session_ended")

    def logout(self, caller: Caller) -> None:
        """End the caller's session."""
        self._changes.change(
            self._changes.existing(caller.id),
            lambda user: user.without_session(caller.session_id),
            "logout",
        )

    def _begin(
        self, user: User, device: Device, proven_hash: str | None = None
    ) -> tuple[User, Session]:
        """Add a session. The full list first loses the session that was used longest ago."""
        new = self._new_session(device)

        def begun(user: User) -> User:
            if proven_hash not in {None, user.password_hash}:
                raise InvalidCredentials
            live = self._live_sessions(user)
            full = live if len(live) >= SESSIONS_MAX else ()
            displaced = min(full, key=lambda each: each.last_used_at).id if full else ""
            kept = tuple(each for each in live if each.id != displaced)
            return replace(user, sessions=(*kept, replace(new, displaced=displaced)))

        changed = self._changes.change(user, begun, "login")
        session = changed.sessions[-1]
        if session.displaced:
            self._changes.record("session_displaced", changed)
        return changed, session

    def _new_session(self, device: Device) -> Session:
        now, new_id = self._session_clock(), self._new_session_id
        return Session(
            id=new_id(),
            refresh_id=new_id(),
            expires_at=now + self._session_lasts,
            created_at=now,
            last_used_at=now,
            address=device.address,
            agent=device.agent,
            is_of_pages=device.is_of_pages,
        )

    def _extended(self, session: Session) -> Session:
        """Return a session with a new secret, used now. Only one of the API lasts longer by it."""
        now = self._session_clock()
        ends_at = session.expires_at if session.is_of_pages else now + self._session_lasts
        new_id = self._new_session_id()
        return replace(session, refresh_id=new_id, expires_at=ends_at, last_used_at=now)

    def _renew(
        self, user: User, session: Session, fresh: Session, kind: str = "login_refreshed"
    ) -> User:
        """Save a session with a new secret, if it still has the one that the caller knows."""

        def renewed(user: User) -> User:
            current = user.session(session.id)
            if current is None or current.refresh_id != session.refresh_id:
                raise InvalidToken("The refresh token was used before.")
            return replace(user, sessions=(*user.without_session(session.id).sessions, fresh))

        return self._changes.change(user, renewed, kind)

    def _end_reused(self, user: User, session_id: str) -> None:
        """End a session whose spent secret was used again.

        :raises InvalidToken: always.
        """
        self._changes.change(user, lambda user: user.without_session(session_id), "refresh_reused")
        raise InvalidToken("The refresh token was used before: sign in again.")

    def _signed_in(
        self, user_id: str, session_id: str, *, newest: bool = False
    ) -> tuple[User, Session]:
        user = self._store.users((user_id,)).get(user_id)
        if user and (newest or not user.session(session_id)):  # another process may have started it
            user = self._newest(user)
        session = user.session(session_id) if user else None
        if user is None or session is None or not self._is_live(session):
            raise InvalidToken("The session has ended: sign in again.")
        return user, session

    def _is_live(self, session: Session) -> bool:
        now = self._session_clock()
        is_idle = session.is_of_pages and session.last_used_at + self._idle_max <= now
        return session.expires_at > now and not is_idle

    def _live_sessions(self, user: User) -> tuple[Session, ...]:
        return tuple(each for each in user.sessions if self._is_live(each))

    def _find(self, username: str) -> User | None:
        """Find a user by name. No name contains NUL, and PostgreSQL refuses to look for one."""
        return None if "\0" in username else self._store.user_named(username_key(username))

    def _newest(self, user: User) -> User:
        """Read a user past the cache, with the changes of other processes."""
        return self._store.user_named(user.username_key) or user
