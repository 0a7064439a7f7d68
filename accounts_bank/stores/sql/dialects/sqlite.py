"""SQLite: one file, several processes, one writer at a time.

WAL with `synchronous=FULL`: a commit survives a power cut. BEGIN IMMEDIATE takes the write lock
before the first read, so a writer never works on rows that another one changes meanwhile.
Sources: https://sqlite.org/wal.html, https://sqlite.org/lang_transaction.html.
"""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import datetime
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    or_,
    select,
    text,
)
from sqlalchemy import column as column_of
from sqlalchemy.dialects.sqlite import dialect as compiler
from sqlalchemy.engine import Engine

from accounts_bank.errors import Damaged
from accounts_bank.stores.databases.bounded import bounded
from accounts_bank.stores.sql.dialects.base import Dialect, Lookup
from accounts_bank.stores.sql.dialects.sqlite_file import SqliteFile
from accounts_bank.stores.sql.tables import ENTRIES, Json
from accounts_bank.stores.sql.writes import Write, sqlite_statement

BEGIN_TO_WRITE = "BEGIN IMMEDIATE"
WRITER_TIMEOUT_S = 5.0
"""How long a thread waits for the other writers of this process."""
LOOK_AGAIN_S = 0.0003
STATEMENTS_KEPT = 32
"""Cached statements of one connection. A statement with thousands of names takes the memory of all
others together."""
WAL_PAGES = 4_000
"""Length of the write-ahead log (16 MiB) before a checkpoint; a hot page is then moved once."""
CHECK_TIMEOUT_S = 1.0
"""How long a request that meets damage waits for the name of the first fault."""
CHECK_STEPS = 1_000

_LAST = select(ENTRIES.c.recorded_at).order_by(text("rowid DESC")).limit(1_000).subquery()
"""Some of the last entries, because a copied store has its entries in the order of their ids."""

_encode = msgspec.json.Encoder().encode


class SqliteDialect(Dialect):
    """SQLite by the standard library's driver."""

    name = "sqlite"
    has_clock = False
    present = select(func.max(_LAST.c.recorded_at))
    now_ms = ":now_ms"

    def __init__(self, url: str, lock_timeout_ms: int) -> None:
        """Make the engine; no connection is opened yet."""
        self.engine = sqlite_engine(url, lock_timeout_ms)
        self.compiler = compiler(paramstyle="named")
        self.changes = self.engine.execution_options(begin=BEGIN_TO_WRITE)
        self.snapshots = self.engine.execution_options(begin="BEGIN")
        self.singles = self.engine.execution_options(begin="BEGIN")
        self._file = _file_of(self.engine)
        self._started_s = time.time() - monotonic()
        self._writer = Lock()
        self._statements: dict[Any, str] = {}

    def enter(self) -> None:
        if self._file:
            self._file.enter()

    def known_fault(self) -> str:
        return self._file.fault() if self._file else ""

    def shared_clock(self) -> datetime | None:
        return self._file.clock() if self._file else None

    def now_parameters(self) -> dict[str, int]:
        clock = self.shared_clock()
        now_s = clock.timestamp() if clock else self._started_s + monotonic()
        return {"now_ms": int(now_s * 1000)}

    def damaged(self, fault: str) -> Damaged:
        if not self._file:
            return super().damaged(fault)
        error = self._file.damaged(self._first_fault() or fault)
        self._file.keep(error.detail)
        return error

    def close(self) -> None:
        super().close()
        if self._file:
            self._file.leave()

    def check(self, connection: Connection) -> None:
        if self._file and self._file.check:
            fault = _fault(connection.exec_driver_sql(f"PRAGMA {self._file.check}(1)").scalars())
            if fault:
                raise self._file.damaged(fault)
        connection.exec_driver_sql("PRAGMA user_version = 0")  # fails on a read-only file
        if self._file:
            self._file.begin()

    def _first_fault(self) -> str:
        """Look for a fault by `quick_check`, for `CHECK_TIMEOUT_S` at most; "" without one."""
        until_s = monotonic() + CHECK_TIMEOUT_S
        try:
            with closing(sqlite3.connect(self.engine.url.database or "")) as driver:
                driver.set_progress_handler(lambda: monotonic() > until_s, CHECK_STEPS)
                return _fault(row[0] for row in driver.execute("PRAGMA quick_check(1)"))
        except sqlite3.Error as error:
            return "" if isinstance(error, sqlite3.OperationalError) else str(error)

    def exclusive(self) -> AbstractContextManager[None]:
        return bounded(self._writer, WRITER_TIMEOUT_S, "Too many requests wait for the store.")

    def watched(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def stream_without_limit(self, connection: Connection) -> None:
        """Do nothing: statements have no time limit here."""

    def parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        lists = {name: each for name, each in parameters.items() if isinstance(each, list)}
        return parameters | {name: _encode(each).decode() for name, each in lists.items()}

    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        return column.in_(select(self.each_of(name, column).c.value))  # one text for any length

    def each_of(self, name: str, like: ColumnElement[Any]) -> FromClause:
        each = func.json_each(bindparam(name, type_=Json(list[Any])))
        return each.table_valued(column_of("value", like.type), name=name)

    def by_id(self, table: Table) -> Lookup:
        return _unlocked(select(table).where(self.among(table.c.id, "ids")))

    def by_name(self, table: Table, column: str) -> Lookup:
        named = (self.among(each, "names") for each in (table.c.id, table.c[column]))
        return _unlocked(select(table).where(or_(*named)))

    def save(self, connection: Connection, writes: Sequence[Write]) -> None:
        for write in writes:
            statement = self._statements.get(write.statement)
            if statement is None:
                statement = self._statements[write.statement] = sqlite_statement(write)
            connection.exec_driver_sql(statement, write.values(key_last=True))


def _file_of(engine: Engine) -> SqliteFile | None:
    """Return the file of a URL; None for a URI or a database in memory."""
    name = engine.url.database
    is_file = name and name != ":memory:" and not name.startswith("file:")
    return SqliteFile(Path(name)) if name and is_file else None


def _fault(rows: Iterable[str]) -> str:
    """Return the first fault of a check in one line, "" for "ok"."""
    lines = " ".join(rows).replace("*** in database main ***", "").split()
    return "" if lines == ["ok"] else " ".join(lines)


def _unlocked(query: Select[Any]) -> Lookup:
    """Return a query for both cases: a write transaction locks the whole database."""
    return Lookup(query, query)


def sqlite_engine(url: str, lock_timeout_ms: int) -> Engine:
    """Make the engine; the option `begin` is the statement that begins a transaction."""
    given = {"timeout": lock_timeout_ms / 1000, "cached_statements": STATEMENTS_KEPT}
    engine = create_engine(url, connect_args=given)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the listener below begins transactions
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={WAL_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("begin", "BEGIN")
        if statement == BEGIN_TO_WRITE:
            _begin_to_write(connection, lock_timeout_ms)
        else:
            connection.exec_driver_sql(statement)

    return engine


def _begin_to_write(connection: Connection, timeout_ms: int) -> None:
    """Begin as soon as no other process writes.

    SQLite's own pauses are 1, 2, 5, 10, 15 ms and more, while a commit takes 3 ms: two writing
    processes would both be idle in between.
    """
    driver, until_s = connection.connection.driver_connection, monotonic() + timeout_ms / 1000
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while _is_taken(driver) and monotonic() < until_s:
            sleep(LOOK_AGAIN_S)
        if not driver.in_transaction:  # raises the error as SQLAlchemy's
            connection.exec_driver_sql(BEGIN_TO_WRITE)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {timeout_ms}")


def _is_taken(driver: sqlite3.Connection) -> bool:
    """Try to begin; return whether another process holds the lock."""
    try:
        driver.execute(BEGIN_TO_WRITE)
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # extended codes lie above
    return False
