"""The users in MongoDB."""

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any

from pymongo import ASCENDING, ReplaceOne

from accounts_bank.identity import Event, User
from accounts_bank.stores.base import PutStatus, UserStore
from accounts_bank.stores.databases.bounded import bounded
from accounts_bank.stores.mongo.database import DEADLINE_S, MongoDatabase, Session
from accounts_bank.stores.mongo.documents import EVENT, USER, Document


class MongoUserStore(UserStore):
    """The users in MongoDB, for several processes."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        self._writer = Lock()
        self._users = database[USER.collection]
        self._events = database[EVENT.collection]

    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        given = list(users)

        def write(session: Session, unsure: bool) -> list[PutStatus]:  # noqa: FBT001
            kept = self._kept(session, given)
            if unsure and self._is_saved(session, kept, given, events):
                return [PutStatus.SAVED] * len(given)
            statuses = _statuses(kept, given)
            saved = [
                user for user, status in zip(given, statuses, strict=True) if status == "saved"
            ]
            self._save(session, saved)
            if len(saved) == len(given):
                self._save_events(session, events)
            return statuses

        with bounded(self._writer, DEADLINE_S, "Too many requests wait for the store."):
            return self._database.write(write)

    def restore(self, users: Sequence[User], events: Sequence[Event] = ()) -> None:
        def write(session: Session, _unsure: bool) -> None:  # noqa: FBT001 - as `write` says
            self._save(session, users)
            if events:
                self._events.insert_many(map(EVENT.document, events), session=session)

        self._database.write(write)

    def users(self, ids: Iterable[str]) -> dict[str, User]:
        wanted = list(ids)
        if not wanted:
            self._database.ping()
            return {}
        return {each.id: each for each in self._found({"_id": {"$in": wanted}})}

    def user_named(self, username_key: str) -> User | None:
        return next(iter(self._found({"username_key": username_key})), None)

    def key_owners(self, hashes: Iterable[str]) -> dict[str, str]:
        wanted = list(hashes)
        found = self._found({"key_hashes": {"$in": wanted}})
        owners = {each.hash: user.id for user in found for each in user.api_keys}
        return {each: owners[each] for each in wanted if each in owners}

    def users_after(self, user_id: str, *, limit: int) -> list[User]:
        return self._found({"_id": {"$gt": user_id}}, sort={"_id": ASCENDING}, limit=limit)

    def events(self, ids: Iterable[str]) -> dict[str, Event]:
        wanted = list(ids)
        return self._database.read(lambda s: self.events_in(s, wanted)) if wanted else {}

    def events_in(self, session: Session, ids: Iterable[str]) -> dict[str, Event]:
        """Read events by id, as of the moment of the session."""
        found = self._events.find({"_id": {"$in": list(ids)}}, session=session)
        return {event.id: event for event in map(EVENT.value, found)}

    def _found(self, query: Document, **page: Any) -> list[User]:
        return self._database.read(
            lambda session: [
                USER.value(each) for each in self._users.find(query, session=session, **page)
            ]
        )

    def _kept(self, session: Session, users: Sequence[User]) -> dict[str, User]:
        """Read the stored versions of users, and the users that have their names."""
        ids, keys = [user.id for user in users], [user.username_key for user in users]
        if not ids:
            return {}
        skeletons = [user.skeleton for user in users if user.skeleton]
        named = [{"username_key": {"$in": keys}}, {"skeleton": {"$in": skeletons}}]
        query = {"$or": [{"_id": {"$in": ids}}, *named]}
        found = map(USER.value, self._users.find(query, session=session))
        return {user.id: user for user in found}

    def _save(self, session: Session, users: Sequence[User]) -> None:
        """Write users in order, since a user may take a name that an earlier one frees."""
        writes = [ReplaceOne({"_id": user.id}, _document(user), upsert=True) for user in users]
        if writes:
            self._users.bulk_write(writes, session=session)

    def _is_saved(
        self, session: Session, kept: dict[str, User], users: list[User], events: Sequence[Event]
    ) -> bool:
        """Return whether an earlier try saved everything, although its answer was lost.

        The events tell it even if another process has changed the users since then.
        """
        if events:
            return len(self.events_in(session, [event.id for event in events])) == len(events)
        return bool(users) and all(kept.get(user.id) == user for user in users)

    def _save_events(self, session: Session, events: Sequence[Event]) -> None:
        if events:
            places = self._database.places(session, len(events))
            documents = [
                EVENT.document(event) | place for event, place in zip(events, places, strict=True)
            ]
            self._events.insert_many(documents, session=session)


def _document(user: User) -> Document:
    named = {} if user.deleted_at else {"username_key": user.username_key}
    hashes = [each.hash for each in user.api_keys]
    return {**USER.document(user), **named, **({"key_hashes": hashes} if hashes else {})}


def _statuses(kept: dict[str, User], users: Sequence[User]) -> list[PutStatus]:
    """Return a status for each user; each sees the changes of the users before it."""
    known = dict(kept)
    names = {key: user.id for user in kept.values() for key in user.unique_keys}
    statuses = []
    for user in users:
        statuses.append(_status(known.get(user.id), names, user))
        if statuses[-1] is PutStatus.SAVED:
            names = {key: user_id for key, user_id in names.items() if user_id != user.id}
            names |= dict.fromkeys(user.unique_keys, user.id)
            known[user.id] = user
    return statuses


def _status(kept: User | None, names: dict[str, str], user: User) -> PutStatus:
    if (kept.version if kept else 0) != user.version - 1:
        return PutStatus.VERSION_CONFLICT
    if any(names.get(key, user.id) != user.id for key in user.unique_keys):
        return PutStatus.USERNAME_TAKEN
    return PutStatus.SAVED
