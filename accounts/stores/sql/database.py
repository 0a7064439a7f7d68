"""A database: connections, transactions, and what is tried again.

PostgreSQL: READ COMMITTED, rows locked in the order of their ids, so that two writers never wait
for each other in a circle. SQLite: WAL with `synchronous=FULL` (a commit survives a power cut) and
BEGIN IMMEDIATE, so that a writer knows at once whether it may write. Every wait is bounded.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Table,
    cast,
    create_engine,
    event,
    func,
    insert,
    literal,
    make_url,
    select,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from accounts.errors import SettingsError, Unavailable
from accounts.stores.sql.tables import METADATA

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 10_000
DEADLINE_S = 5.0
CONNECTIONS_MAX = 16
SCHEMA_LOCK = 4_130_977
PAUSE_MIN_S, PAUSE_MAX_S = 0.002, 0.1
STRONG_COMMITS = frozenset({"on", "remote_write", "remote_apply"})

T = TypeVar("T")
Row = dict[str, Any]


class Database:
    """One SQLite file or one PostgreSQL database."""

    def __init__(self, url: str) -> None:
        """Open a database; an empty one is given its tables.

        :raises SettingsError: it cannot be reached, or would not keep what it confirms.
        """
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writer = Lock()
        try:
            self.engine = _sqlite(url) if self.is_sqlite else _postgresql(url)
            with self._connected("BEGIN IMMEDIATE") as connection:
                self._check(connection)
                self._lock_schema(connection)
                METADATA.create_all(connection)
        except ModuleNotFoundError as error:
            message = f"STORE_URL needs {error.name}: install the extra, `accounts[postgres]`."
            raise SettingsError(message) from error
        except SQLAlchemyError as error:
            raise SettingsError(f"STORE_URL cannot be opened: {_first_line(error)}") from error

    def read(self, act: Callable[[Connection], T]) -> T:
        """Read in one transaction, as of one moment.

        :raises Unavailable: the database does not answer.
        """
        return self._tried(lambda _unsure: self._run("BEGIN", act))

    def write(self, act: Callable[[Connection, bool], T]) -> T:
        """Write in one transaction, tried again where others were in the way.

        `act` is told whether an earlier try may have been committed after all: the connection broke
        off before the answer came.

        :raises Unavailable: it cannot be said to be done. To ask for the same again is safe.
        """
        begin = "BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN"
        with self._writer if self.is_sqlite else nullcontext():
            return self._tried(lambda unsure: self._run(begin, lambda c: act(c, unsure)))

    def among(self, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
        """Ask whether a column has one of many values."""
        found = sorted(values)
        if self.is_sqlite:
            return column.in_(found)
        return column == func.any(_array(found, column))

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert many rows in one statement."""
        if not rows:
            return
        if self.is_sqlite:
            connection.execute(insert(table), rows)
            return
        columns = [table.c[name] for name in rows[0]]
        given = self.unnested(columns, rows)
        connection.execute(insert(table).from_select([c.name for c in columns], select(given)))

    def unnested(self, columns: Sequence[Any], rows: Sequence[Row]) -> Any:
        """Turn rows into a table of a statement (PostgreSQL's unnest)."""
        arrays = [_array([row[column.name] for row in rows], column) for column in columns]
        return func.unnest(*arrays).table_valued(*(c.name for c in columns)).render_derived()

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()

    def _run(self, begin: str, act: Callable[[Connection], T]) -> T:
        with self._connected(begin) as connection:
            return act(connection)

    @contextmanager
    def _connected(self, begin: str) -> Iterator[Connection]:
        options = {"begin": begin} if self.is_sqlite else {}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def _tried(self, act: Callable[[bool], T]) -> T:
        deadline_s, pause_s, unsure = monotonic() + DEADLINE_S, PAUSE_MIN_S, False
        while True:
            try:
                return act(unsure)
            except (OperationalError, InterfaceError, IntegrityError, PoolTimeout) as error:
                if not _may_pass(error) or monotonic() + pause_s > deadline_s:
                    raise Unavailable(f"The store does not answer: {_kind(error)}.") from error
                unsure = unsure or (isinstance(error, DBAPIError) and error.connection_invalidated)
            sleep(random.uniform(0, pause_s))  # noqa: S311 - to meet nobody at the same moment
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    def _lock_schema(self, connection: Connection) -> None:
        """Let one process at a time make the tables."""
        if not self.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")

    def _check(self, connection: Connection) -> None:
        if self.is_sqlite:
            return
        commits = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        if commits not in STRONG_COMMITS:
            raise SettingsError(
                f"PostgreSQL has synchronous_commit={commits}: a crash loses what it confirms. "
                "Set it to `on` for this user or database."
            )


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": LOCK_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, see below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _postgresql(url: str) -> Engine:
    options = f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": options,
            "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
        },
    )


def _array(values: Sequence[Any], column: ColumnElement[Any]) -> Any:
    kind = ARRAY(column.type, dimensions=1)
    return cast(literal(values, kind), kind)


def _may_pass(error: SQLAlchemyError) -> bool:
    """Tell whether the same may succeed a moment later: someone was in the way, or a line broke."""
    if isinstance(error, IntegrityError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    waits = state in {"40001", "40P01", "55P03"} or "locked" in str(error.orig)
    return bool(waits or error.connection_invalidated)


def _kind(error: SQLAlchemyError) -> str:
    return type(error.orig if isinstance(error, DBAPIError) and error.orig else error).__name__


def _first_line(error: SQLAlchemyError) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
