"""The users in an SQL database."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Connection, bindparam, or_, select
from sqlalchemy.exc import IntegrityError

from accounts_bank.identity import ApiKey, Event, Role, User
from accounts_bank.stores.base import PutStatus, UserStore
from accounts_bank.stores.sql.database import Database
from accounts_bank.stores.sql.retry import Tries
from accounts_bank.stores.sql.tables import EVENTS, KEY_OWNERS, UNSEALED, USERS
from accounts_bank.stores.sql.writes import Write

_USER_NAMES = (*User.__struct_fields__, "username_key")
_EVENT = [EVENTS.c[name] for name in Event.__struct_fields__]


class SqlUserStore(UserStore):
    """The users in SQLite or PostgreSQL, for several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        among = database.dialect.among
        users = select(USERS).where(among(USERS.c.id, "ids")).order_by(USERS.c.id)
        self._users = users
        self._locked_users = users.with_for_update(key_share=True)
        self._named = select(USERS).where(USERS.c.username_key == bindparam("key"))
        self._key_owners = select(KEY_OWNERS).where(among(KEY_OWNERS.c.hash, "hashes"))
        self._events = select(*_EVENT).where(among(EVENTS.c.id, "ids"))

    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        given = list(users)

        def write(connection: Connection, tries: Tries) -> list[PutStatus]:
            kept = self._kept(connection, given)
            if tries.is_unsure and given and all(kept.get(user.id) == user for user in given):
                return [PutStatus.SAVED] * len(given)
            statuses = [self._put(connection, user, kept.get(user.id)) for user in given]
            if all(status is PutStatus.SAVED for status in statuses):
                is_kept = partial(self._is_kept, connection)
                new = [each for each in events if not (tries.is_unsure and is_kept(each))]
                self._database.save(connection, [_saved(new), _waiting(new)])
            return statuses

        return self._database.write(write)

    def restore(self, users: Sequence[User], events: Sequence[Event] = ()) -> None:
        rows = [(*astuple(user), None if user.deleted_at else user.username_key) for user in users]
        owners = [_owned(user, user.api_keys) for user in users if user.api_keys]
        writes = [Write(USERS, _USER_NAMES, rows), *owners, _saved(events)]
        self._database.write(lambda c, _tries: self._database.save(c, writes))

    def users(self, ids: Iterable[str]) -> dict[str, User]:
        wanted = sorted(ids)
        if not wanted:
            self._database.rows(select(1))
            return {}
        return {row.id: _user(row) for row in self._database.rows(self._users, ids=wanted)}

    def user_named(self, username_key: str) -> User | None:
        rows = self._database.rows(self._named, key=username_key)
        return _user(rows[0]) if rows else None

    def key_owners(self, hashes: Iterable[str]) -> dict[str, str]:
        rows = self._database.rows(self._key_owners, hashes=sorted(hashes))
        return {row.hash: row.user_id for row in rows}

    def users_after(self, user_id: str, *, limit: int) -> list[User]:
        query = select(USERS).where(USERS.c.id > user_id).order_by(USERS.c.id).limit(limit)
        return [_user(row) for row in self._database.rows(query)]

    def events(self, ids: Iterable[str]) -> dict[str, Event]:
        wanted = sorted(ids)
        rows = self._database.found(self._events, ids=wanted) if wanted else ()
        return {row[0]: Event(*row) for row in rows}

    def events_in(self, connection: Connection, ids: Iterable[str]) -> dict[str, Event]:
        """Read events by id within a transaction."""
        wanted = sorted(ids)
        rows = self._database.fetch(connection, self._events, ids=wanted) if wanted else ()
        return {row[0]: Event(*row) for row in rows}

    def _kept(self, connection: Connection, users: Sequence[User]) -> dict[str, User]:
        ids = sorted(user.id for user in users)
        if not ids:
            return {}
        rows = connection.execute(self._locked_users, {"ids": ids})
        return {row.id: _user(row) for row in rows}

    def _put(self, connection: Connection, user: User, kept: User | None) -> PutStatus:
        if (kept.version if kept else 0) != user.version - 1:
            return PutStatus.VERSION_CONFLICT
        key = None if user.deleted_at else user.username_key
        try:
            with connection.begin_nested():
                row = (*astuple(user), key)
                write = Write(USERS, _USER_NAMES, [row], key="id" if kept else None)
                self._database.save(connection, [write])
                self._change_keys(connection, kept.api_keys if kept else (), user)
        except IntegrityError:
            is_taken = or_(USERS.c.username_key == key, USERS.c.skeleton == user.skeleton)
            taken = select(USERS.c.id).where(is_taken, USERS.c.id != user.id)
            if connection.execute(taken).first() is None:
                raise  # another process inserted the id itself: the next try sees it
            return PutStatus.USERNAME_TAKEN
        return PutStatus.SAVED

    def _change_keys(self, connection: Connection, before: tuple[ApiKey, ...], user: User) -> None:
        """Save the hashes of new keys, and delete those of ended ones."""
        kept, now = {each.hash for each in before}, {each.hash for each in user.api_keys}
        new = [each for each in user.api_keys if each.hash not in kept]
        if new:
            self._database.save(connection, [_owned(user, new)])
        if kept - now:
            ended = KEY_OWNERS.c.hash.in_(sorted(kept - now))
            connection.execute(KEY_OWNERS.delete().where(ended))

    def _is_kept(self, connection: Connection, event: Event) -> bool:
        query = select(EVENTS.c.id).where(EVENTS.c.id == event.id)
        return connection.execute(query).first() is not None


def _owned(user: User, keys: Sequence[ApiKey]) -> Write:
    return Write(KEY_OWNERS, ("hash", "user_id"), [(each.hash, user.id) for each in keys])


def _saved(events: Sequence[Event]) -> Write:
    return Write(EVENTS, Event.__struct_fields__, [astuple(each) for each in events])


def _waiting(events: Sequence[Event]) -> Write:
    return Write(UNSEALED, ("id", "kind"), [(each.id, each.kind) for each in events])


def _user(row: Any) -> User:
    values = row._asdict()
    del values["username_key"]
    return User(**values | {"role": Role(values["role"])})
