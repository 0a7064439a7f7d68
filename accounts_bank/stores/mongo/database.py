"""A MongoDB database: transactions, what is tried again, and reads as of one moment.

Whatever is confirmed is in the journals of a majority of the nodes. A transaction reads a snapshot;
of two that change the same document the second fails at once and is decided anew. Every wait is
bounded.
"""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from time import monotonic, sleep
from typing import Any, TypeVar

import pymongo
from bson.int64 import Int64
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from accounts_bank.errors import ApiError, BulkTooLarge, SettingsError, Unavailable
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.mongo import schema
from accounts_bank.stores.mongo.client import NAME, Connections, check_server, client_for
from accounts_bank.stores.mongo.documents import Document

DEADLINE_S = 5.0
"""For a read, and for what a transaction does before its commit."""
TRANSACTION_TIMEOUT_S = 8.0
"""For all of it: a commit is asked about again, then the journal is asked what became of it."""
DUPLICATES_MAX = 20
PAUSE_MAX_S = 0.1
SILENT_S = 2.0
"""How long in all a transaction may stand still, until somebody whom it keeps waiting ends it."""
SNAPSHOT = ReadConcern("snapshot")
SNAPSHOT_TOO_OLD = 239
DUPLICATE_KEY = 11000
TOO_LARGE_FOR_CACHE = 388

Session = ClientSession
T = TypeVar("T")


class MongoDatabase:
    """One database of a replica set."""

    def __init__(
        self,
        url: str,
        observer: Observer | None = None,
        *,
        prepare: Callable[[Database[Document]], None] = schema.prepare,
    ) -> None:
        """Open a database; an empty one is given its collections.

        :raises SettingsError: it cannot be reached, or would not keep what it confirms.
        """
        self._observer, connections = observer or Observer(), Connections()
        with _as_settings_error(), ExitStack() as failed:
            self._client = client_for(url, connections)
            failed.callback(self.close)
            check_server(self._client.admin.command("hello"))
            self._database = self._client.get_default_database(NAME)
            prepare(self._database)
            failed.pop_all()
        self._observer.add_gauges(connections.gauges)

    @property
    def itself(self) -> Database[Document]:
        """PyMongo's own, for what is no part of the books."""
        return self._database

    def __getitem__(self, name: str) -> Collection[Document]:
        """Give a collection."""
        return self._database[name]

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def write(self, act: Callable[[Session, bool], T]) -> T:
        """Write in one transaction, tried again where others were in the way.

        `act` is told whether an earlier try may have been committed after all: the answer to its
        commit never came.

        :raises Unavailable: it cannot be said to be done. To ask for the same again is safe.
        :raises BulkTooLarge: it is not done, and never will be.
        """
        began_s, tries, unsure = monotonic(), 0, False

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
                    is_duplicate = _is_duplicate(error) and tries < DUPLICATES_MAX
                    if unsure if is_unknown else not is_duplicate:
                        raise _as_ours(error) from error
                    unsure = unsure or is_unknown
                sleep(random.uniform(0, PAUSE_MAX_S))  # noqa: S311 - to meet nobody again

    def read(self, act: Callable[[Session], T]) -> T:
        """Read as of one moment, which is after all that was confirmed before.

        :raises Unavailable: the database does not answer.
        """
        with self.answering(), self._client.start_session(snapshot=True) as session:
            return act(session)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Ask outside of transactions, and only so long.

        :raises Unavailable: the database does not answer.
        """
        try:
            with pymongo.timeout(DEADLINE_S):
                yield
        except PyMongoError as error:
            raise _as_ours(error) from error

    def places(self, session: Session, count: int) -> list[dict[str, Any]]:
        """Give places in the order of the audit log, after all that was confirmed before."""
        if session.cluster_time is None:  # nothing was read yet
            self["meta"].find_one({}, session=session)
        at = (session.cluster_time or {})["clusterTime"]
        return [{"place": {"at": at, "number": Int64(number)}} for number in range(count)]

    def ping(self) -> None:
        """Ask whether there is a primary.

        :raises Unavailable: none answers.
        """
        with self.answering():
            self._client.admin.command("ping")

    @contextmanager
    def streaming(self) -> Iterator[Session]:
        """Read as of the moment of entering, for as long as the server remembers that moment.

        :raises Unavailable: the database does not answer, or has forgotten.
        """
        try:
            with self._client.start_session(snapshot=True) as session:
                self["meta"].find_one({}, session=session)  # the moment is now
                yield session
        except PyMongoError as error:
            raise _as_ours(error) from error

    def _patience(self, waited_s: float) -> AbstractContextManager[None]:
        """Say how long a try may take before its commit; who has no primary has waited already."""
        left_s = DEADLINE_S
        if not self._client.topology_description.has_writable_server():
            left_s -= waited_s
        if left_s <= 0:
            raise Unavailable("The store has no primary.")
        return pymongo.timeout(left_s)

    def _end_silent_transactions(self) -> None:
        """End transactions of ours in which nobody has asked for anything for a while.

        A process that was killed leaves its transaction open, and for a minute the server would let
        nobody change what it had changed. One that was frozen decides anew when it goes on.
        """
        name = self._client.options.pool_options.appname
        with suppress(OperationFailure):  # who may not look must wait for the minute
            for found in self._client.admin.aggregate([{"$currentOp": {"idleSessions": True}}]):
                silent_us = found.get("transaction", {}).get("timeInactiveMicros", 0)
                if found.get("appName") == name and silent_us > SILENT_S * 1e6:
                    self._client.admin.command("killSessions", [{"id": found["lsid"]["id"]}])


@contextmanager
def restoring(url: str) -> Iterator["MongoDatabase"]:
    """Open a database to restore into; what a copy that was broken off left is thrown away.

    :raises SettingsError: it cannot be reached, or is not empty.
    """
    with closing(MongoDatabase(url, prepare=schema.begin_copy)) as database:
        yield database
    MongoDatabase(url, prepare=schema.end_copy).close()


def upgrade(url: str) -> None:
    """Make collections, indexes and validators as this version wants them, whatever is there.

    :raises SettingsError: the database cannot be reached, or would not keep what it confirms.
    """
    MongoDatabase(url, prepare=schema.upgrade).close()


@contextmanager
def _as_settings_error() -> Iterator[None]:
    try:
        yield
    except PyMongoError as error:
        said = re.split(r", Timeout:| \(configured timeouts|, full error:| \{", str(error))[
            0
        ].rstrip(".")
        hint = ""
        if "replica set" in said:
            hint = " Is mongod started with --replSet and that name, and was rs.initiate() run?"
        raise SettingsError(f"STORE_URL cannot be opened: {said}.{hint}") from error


def _is_duplicate(error: PyMongoError) -> bool:
    """Tell whether somebody else inserted the same at this moment: it is there to be read now."""
    return DUPLICATE_KEY in _codes(error)


def _codes(error: PyMongoError) -> set[int | None]:
    """Give the server's codes of what went wrong."""
    if isinstance(error, BulkWriteError):
        return {each["code"] for each in (error.details or {}).get("writeErrors", [])}
    return {getattr(error, "code", None)}


def _as_ours(error: PyMongoError) -> ApiError:
    codes = _codes(error)
    if TOO_LARGE_FOR_CACHE in codes:
        return BulkTooLarge(
            "The cache of MongoDB does not hold so many at once. Send fewer, or have it enlarged: "
            "--wiredTigerCacheSizeGB 0.5 is enough for 10,000."
        )
    if SNAPSHOT_TOO_OLD in codes:
        return Unavailable(
            "It took longer than the server remembers a moment: raise its parameter "
            "minSnapshotHistoryWindowInSeconds."
        )
    return Unavailable(f"The store does not answer: {type(error).__name__}.")
