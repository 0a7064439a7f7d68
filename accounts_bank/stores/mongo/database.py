"""A MongoDB database: transactions, their retries, and reads as of one moment.

A confirmed write is in the journals of a majority of the nodes. A transaction reads a snapshot. Of
two transactions that change the same document the second fails at once and is tried again. Every
wait is bounded.
"""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from threading import local
from time import monotonic, sleep
from typing import Any, NoReturn, TypeVar

import msgspec
import pymongo
from bson.int64 import Int64
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from accounts_bank.errors import Damaged, SettingsError, Unavailable
from accounts_bank.ledger.sealing import JournalHead
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.backend import Inherited
from accounts_bank.stores.databases.damage import Damage
from accounts_bank.stores.mongo import schema
from accounts_bank.stores.mongo.client import NAME, Connections, check_server, client_for
from accounts_bank.stores.mongo.documents import Document
from accounts_bank.stores.mongo.faults import damage_of, is_duplicate, raise_ours
from accounts_bank.stores.mongo.inheritance import BANK
from accounts_bank.stores.mongo.primary import PrimaryProof

DEADLINE_S = 5.0
"""For a read, and for the part of a transaction before its commit."""
OPEN_TIMEOUT_S = 5.0
"""For a primary that proves itself at the start."""
TRANSACTION_TIMEOUT_S = 8.0
"""For a whole transaction: after it the journal tells whether the commit happened."""
READS_MAX = 10
"""Tries of a read; the primary changes between them."""
DUPLICATES_MAX = 5
"""Tries after which a duplicate key is no race any more but a mistake."""
PAUSE_MAX_S = 0.01
SILENT_S = 2.0
"""The idle time of a transaction after which a process that waits for it ends it."""
SNAPSHOT = ReadConcern("snapshot")

Session = ClientSession
T = TypeVar("T")


class _Joint(local):
    """The transaction of this thread that its writes join."""

    session: Session | None = None


class MongoDatabase:
    """One database of a replica set."""

    def __init__(
        self,
        url: str,
        observer: Observer | None = None,
        *,
        prepare: Callable[[Database[Document]], None] = schema.prepare,
    ) -> None:
        """Open a database; an empty one gets its collections.

        :raises SettingsError: it does not answer, or would lose acknowledged commits.
        """
        self._observer, connections = observer or Observer(), Connections()
        self._joint = _Joint()
        self._damage = Damage(self._observer)
        with as_settings_error(), ExitStack() as failed:
            self._client = client_for(url, connections)
            failed.callback(self.close)
            check_server(self._client.admin.command("hello"))
            self._database = self._client.get_default_database(NAME)
            self._proof = PrimaryProof(self._database)
            with pymongo.timeout(OPEN_TIMEOUT_S):
                self._proof.require()  # the version of the schema is read from here on
            prepare(self._database)
            failed.pop_all()
        self._observer.add_gauges(connections.gauges)

    @property
    def itself(self) -> Database[Document]:
        """PyMongo's own object, for data outside the books."""
        return self._database

    def __getitem__(self, name: str) -> Collection[Document]:
        """Return a collection."""
        return self._database[name]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def write(self, act: Callable[[Session, bool], T]) -> T:
        """Write in one transaction; after a conflict it is tried again.

        A majority confirms the commit of a transaction that only reads, too.

        :param act: gets the session, and whether an earlier try may have been committed: the
            answer to its commit never arrived.
        :raises Unavailable: it is not known to be done. The same call again is safe.
        :raises BulkTooLarge: it is not done, and never will be.
        :raises PyMongoError: a mistake of this program; nothing is done.
        """
        self._damage.check()
        if self._joint.session is not None:
            return act(self._joint.session, False)  # noqa: FBT003 - the outcome is sure
        began_s, tries, duplicates, unsure = monotonic(), 0, 0, False

        def attempt(session: Session) -> T:
            nonlocal tries
            tries += 1
            if tries > 1:
                self._observer.transaction_retried()
            waited_s = monotonic() - began_s
            with self._patience(waited_s):
                if waited_s > SILENT_S:
                    self._end_silent_transactions()
                return act(session, unsure)

        with self._client.start_session(causal_consistency=False) as session:
            while True:
                try:
                    with pymongo.timeout(TRANSACTION_TIMEOUT_S):
                        return session.with_transaction(attempt, read_concern=SNAPSHOT)
                except PyMongoError as error:
                    is_unknown = error.has_error_label("UnknownTransactionCommitResult")
                    duplicates += is_duplicate(error)
                    is_race = is_duplicate(error) and duplicates < DUPLICATES_MAX
                    if unsure if is_unknown else not is_race:
                        self._raise(error, is_unsure=unsure or is_unknown)
                    unsure = unsure or is_unknown
                sleep(random.uniform(0, PAUSE_MAX_S))  # noqa: S311 - jitter against a collision

    def replace(self, load: Callable[[], object]) -> None:
        """Delete all data, and call `load`: its writes join this one transaction.

        :raises Unavailable: it is not known to be done.
        """

        def act(session: Session, _unsure: bool) -> None:  # noqa: FBT001 - as `write` says
            schema.empty(self._database, session)
            self._joint.session = session
            try:
                load()
            finally:
                self._joint.session = None

        self.write(act)

    def read(self, act: Callable[[Session], T]) -> T:
        """Read as of one moment, after all writes that were confirmed before.

        :raises Unavailable: the database does not answer.
        :raises PyMongoError: a mistake of this program.
        """
        with self.answering():
            for _ in range(READS_MAX):
                primary = self._proof.require()
                with self._client.start_session(snapshot=True) as session:
                    found = act(session)
                if self._proof.is_still(primary):
                    return found
        raise Unavailable("The store changes its primary.")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Run commands outside of transactions, for `DEADLINE_S` at most.

        :raises Unavailable: the database does not answer.
        :raises PyMongoError: a mistake of this program.
        """
        self._damage.check()
        try:
            with pymongo.timeout(DEADLINE_S):
                yield
        except PyMongoError as error:
            self._raise(error)

    def places(self, session: Session, count: int) -> list[dict[str, Any]]:
        """Return places in the order of the audit log, after all confirmed writes."""
        if session.cluster_time is None:  # nothing was read yet
            self["meta"].find_one({}, session=session)
        at = (session.cluster_time or {})["clusterTime"]
        return [{"place": {"at": at, "number": Int64(number)}} for number in range(count)]

    def ping(self) -> None:
        """Check that there is a primary, and that a majority of the nodes follows it.

        :raises Unavailable: no primary answers.
        """
        with self.answering():
            self._proof.require()

    def now(self) -> datetime:
        """Return the time of the primary's clock, to the millisecond.

        :raises Unavailable: no primary answers.
        """
        with self.answering():
            said: datetime = self._client.admin.command("hello")["localTime"]
        return said.replace(tzinfo=UTC)

    @contextmanager
    def streaming(self) -> Iterator[Session]:
        """Read as of the moment of entering, for as long as the server keeps that snapshot.

        :raises Unavailable: the database does not answer, or dropped the snapshot.
        """
        self._damage.check()
        try:
            with self._client.start_session(snapshot=True) as session:
                self._take_snapshot(session)
                yield session
        except PyMongoError as error:
            self._raise(error)

    def _raise(self, error: PyMongoError, *, is_unsure: bool = False) -> NoReturn:
        """Raise an error as `raise_ours` does; after a damage every call raises it."""
        try:
            raise_ours(error, is_unsure=is_unsure)
        except Damaged as damaged:
            self._damage.keep(damaged)
            raise

    def _take_snapshot(self, session: Session) -> None:
        """Fix the moment of a snapshot session: it is now."""
        with pymongo.timeout(DEADLINE_S):
            primary = self._proof.require()
            self["meta"].find_one({}, session=session)
        if not self._proof.is_still(primary):
            raise Unavailable("The store changes its primary.")

    def _patience(self, waited_s: float) -> AbstractContextManager[None]:
        """Bound a try before its commit. Without a primary, earlier waits count too."""
        left_s = DEADLINE_S
        if not self._client.topology_description.has_writable_server():
            left_s -= waited_s
        if left_s <= 0:
            raise Unavailable("The store has no primary.")
        return pymongo.timeout(left_s)

    def _end_silent_transactions(self) -> None:
        """End idle transactions of banks.

        A killed process leaves its transaction open. The server would block its documents for a
        minute. A frozen process begins its transaction again when it continues.
        """
        name = self._client.options.pool_options.appname
        with suppress(OperationFailure):  # without the privilege, wait for the minute
            for found in self._client.admin.aggregate([{"$currentOp": {"idleSessions": True}}]):
                silent_us = found.get("transaction", {}).get("timeInactiveMicros", 0)
                if found.get("appName") == name and silent_us > SILENT_S * 1e6:
                    self._client.admin.command("killSessions", [{"id": found["lsid"]["id"]}])


def head_in(database: MongoDatabase, session: Session) -> JournalHead:
    """Return the end of the journal's numbers, as of the moment of the session."""
    found = database[BANK].find_one({"_id": BANK}, session=session)
    return msgspec.convert(found, JournalHead)


@contextmanager
def restoring(url: str) -> Iterator["MongoDatabase"]:
    """Open a database to restore into; the remains of an unfinished copy are deleted.

    :raises SettingsError: it does not answer, or is not empty.
    """
    with closing(MongoDatabase(url, prepare=schema.begin_copy)) as database:
        yield database
    MongoDatabase(url, prepare=schema.end_copy).close()


def upgrade(url: str, inherited: Inherited = ()) -> None:
    """Bring collections, indexes and validators up to date, as `BackendModule` says.

    :raises SettingsError: the database does not answer, or would lose acknowledged commits, or
        disagrees with `inherited`.
    """
    MongoDatabase(url, prepare=partial(schema.upgrade, inherited=inherited)).close()


@contextmanager
def as_settings_error() -> Iterator[None]:
    """Raise an error of the driver as `SettingsError`."""
    try:
        yield
    except PyMongoError as error:
        if damage := damage_of(error):
            raise SettingsError(damage.detail) from error
        said = re.split(r", Timeout:| \(configured timeouts|, full error:| \{", str(error))[
            0
        ].rstrip(".")
        hint = ""
        if "replica set" in said:
            hint = " Is mongod started with --replSet and that name, and was rs.initiate() run?"
        raise SettingsError(f"STORE_URL cannot be opened: {said}.{hint}") from error
