"""Faults of the databases."""

import sqlite3
from contextlib import closing, suppress
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg.errors import DeadlockDetected
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.faults.databases import MongoServer, PostgresServer, Server, SqliteFile
from tests.faults.kinds.fault import SERVERS, Fault

POSTGRES, MONGO, SQLITE = (frozenset({each}) for each in ("postgresql", "mongodb", "sqlite"))
STEP_DOWN_S = 5


class OfServer(Fault):
    stores = SERVERS

    @property
    def server(self) -> Server:
        assert isinstance(self.rig.database, Server)
        return self.rig.database

    def heal(self) -> None:
        self.server.start()


class DatabaseKilled(OfServer):
    name = "the database is killed"
    lasts_s = 0.5

    def inject(self) -> None:
        self.server.kill()


class DatabaseStopped(OfServer):
    name = "the database is restarted"
    lasts_s = 0.5

    def inject(self) -> None:
        self.server.stop()


class DatabaseFrozen(OfServer):
    name = "the database is frozen"
    lasts_s = 3.0

    def inject(self) -> None:
        self.server.freeze()

    def heal(self) -> None:
        self.server.thaw()


class DatabaseDiskFull(Fault):
    name = "the database's disk is full"
    stores = POSTGRES | SQLITE
    as_root = True
    lasts_s = 2.0

    def inject(self) -> None:
        self.rig.database.disk.fill()

    def heal(self) -> None:
        self.rig.database.disk.give_room()
        if isinstance(self.rig.database, Server):
            self.rig.database.start()


class OfPostgres(Fault):
    stores = POSTGRES

    def connected(self) -> "psycopg.Connection[tuple[Any, ...]]":
        assert isinstance(self.rig.database, PostgresServer)
        return psycopg.connect(self.rig.database.direct_url, autocommit=True)

    def to_others(self, function: str, times: int) -> None:
        """Call a function with each other connection's process."""
        query = f"SELECT {function}(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"  # noqa: S608 - ours
        with self.connected() as connection:
            for _ in range(times):
                connection.execute(query + " AND backend_type = 'client backend'")
                sleep(0.05)


class ConnectionsTerminated(OfPostgres):
    name = "PostgreSQL ends connections"
    lasts_s = 0.1

    def inject(self) -> None:
        self.to_others("pg_terminate_backend", 10)


class QueriesCancelled(OfPostgres):
    name = "PostgreSQL cancels queries"
    lasts_s = 0.1

    def inject(self) -> None:
        self.to_others("pg_cancel_backend", 40)


class TablesLocked(OfPostgres):
    """Another program has locked all tables."""

    name = "tables are locked"
    lasts_s = 2.0

    def inject(self) -> None:
        self.other = self.connected()
        names = self.other.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        joined = ", ".join(name for (name,) in names.fetchall())
        while not self.locks(joined):
            self.other.execute("ROLLBACK")

    def locks(self, names: str) -> bool:
        """Lock the tables; False where a query of the bank is in the way of the lock."""
        self.other.execute("BEGIN")
        with suppress(DeadlockDetected):
            self.other.execute(f"LOCK TABLE {names}")
            return True
        return False

    def heal(self) -> None:
        self.other.close()


class OfMongo(Fault):
    stores = MONGO

    @property
    def mongo(self) -> MongoServer:
        assert isinstance(self.rig.database, MongoServer)
        return self.rig.database

    def fail(self, point: str, mode: Any, **data: Any) -> None:
        """Set a fail point on the primary."""
        self.node = self.mongo.set.primary()
        self.point = point
        self.node.ask("configureFailPoint", point, mode=mode, data=data)

    def heal(self) -> None:
        if hasattr(self, "point"):
            self.node.ask("configureFailPoint", self.point, mode="off")


class PrimarySteppedDown(OfMongo):
    name = "the primary steps down"
    lasts_s = 0.5

    def inject(self) -> None:
        with suppress(PyMongoError):
            self.mongo.set.primary().ask("replSetStepDown", STEP_DOWN_S, force=True)


class FollowerKilled(OfMongo):
    name = "a follower is killed"

    def inject(self) -> None:
        self.mongo.kill_follower()

    def heal(self) -> None:
        self.mongo.start()


class CommitsLost(OfMongo):
    """The answers of commits are lost with their connections."""

    name = "MongoDB closes at commits"

    def inject(self) -> None:
        commands = ["commitTransaction"]
        self.fail("failCommand", {"times": 20}, failCommands=commands, closeConnection=True)


class CommitsUnsure(OfMongo):
    """Commits are made, and reported as not known to be in the majority."""

    name = "MongoDB is unsure of commits"

    def inject(self) -> None:
        error = {"code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting timed out"}
        commands = ["commitTransaction"]
        self.fail("failCommand", {"times": 10}, failCommands=commands, writeConcernError=error)


class WritesConflict(OfMongo):
    name = "MongoDB has conflicts"

    def inject(self) -> None:
        self.fail("WTWriteConflictException", {"activationProbability": 0.05})


class CommandsFail(OfMongo):
    """The primary says that it is none any more."""

    name = "MongoDB refuses commands"

    def inject(self) -> None:
        commands = ["insert", "update", "find", "aggregate", "commitTransaction"]
        self.fail("failCommand", {"times": 30}, failCommands=commands, errorCode=10107)


class SessionsKilled(OfMongo):
    name = "MongoDB ends all sessions"
    lasts_s = 0.1

    def inject(self) -> None:
        until_s = monotonic() + 1
        node = self.mongo.set.primary()
        with MongoClient[Any](node.host, directConnection=True) as client:
            while monotonic() < until_s:
                client.admin.command("killAllSessions", [])
                sleep(0.1)


class OfSqlite(Fault):
    stores = SQLITE

    def opened(self) -> sqlite3.Connection:
        assert isinstance(self.rig.database, SqliteFile)
        return sqlite3.connect(
            self.rig.database.path, isolation_level=None, check_same_thread=False, timeout=10
        )


class FileLocked(OfSqlite):
    """Another program writes to the file."""

    name = "the file is locked"
    lasts_s = 3.0

    def inject(self) -> None:
        self.other = self.opened()
        self.other.execute("BEGIN IMMEDIATE")

    def heal(self) -> None:
        self.other.close()


class LongReader(OfSqlite):
    """Another program reads for long; the write-ahead log grows and is then truncated."""

    name = "a long reader holds the log"
    lasts_s = 3.0

    def inject(self) -> None:
        self.other = self.opened()
        self.other.execute("BEGIN")
        self.other.execute("SELECT count(*) FROM sqlite_master").fetchall()

    def heal(self) -> None:
        self.other.execute("COMMIT")
        self.other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.other.close()


class BackedUp(OfSqlite):
    """A copy of the file is made meanwhile, as docs/operations.md says."""

    name = "the file is backed up"
    lasts_s = 0.1

    def inject(self) -> None:
        copy = self.rig.disk.folder / "copy.db"
        copy.unlink(missing_ok=True)
        with closing(self.opened()) as other:
            other.execute("VACUUM INTO ?", (str(copy),))
        with closing(sqlite3.connect(copy)) as made:
            (said,) = made.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            self.complaint = f"the copy says {said}"


KINDS = [
    DatabaseKilled,
    DatabaseStopped,
    DatabaseFrozen,
    DatabaseDiskFull,
    ConnectionsTerminated,
    QueriesCancelled,
    TablesLocked,
    PrimarySteppedDown,
    FollowerKilled,
    CommitsLost,
    CommitsUnsure,
    WritesConflict,
    CommandsFail,
    SessionsKilled,
    FileLocked,
    LongReader,
    BackedUp,
]
