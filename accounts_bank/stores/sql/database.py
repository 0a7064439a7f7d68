"""A database: connections, transactions, and what is tried again.

PostgreSQL: READ COMMITTED, rows locked in the order of their ids, so that two writers never wait
for each other in a circle. SQLite: see `sqlite.py`. Every wait is bounded.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    Table,
    bindparam,
    cast,
    column,
    create_engine,
    func,
    make_url,
    or_,
    select,
)
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.engine import Engine
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from accounts_bank.errors import SettingsError, Unavailable
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.databases.bounded import bounded
from accounts_bank.stores.sql import lookups, schema
from accounts_bank.stores.sql.checks import ENCODING, check_postgresql, check_sqlite
from accounts_bank.stores.sql.driver import Reading, Row, driving, reading
from accounts_bank.stores.sql.sqlite import BEGIN_TO_WRITE, sqlite_engine
from accounts_bank.stores.sql.tables import ENTRIES, Json
from accounts_bank.stores.sql.watchdog import Watchdog
from accounts_bank.stores.sql.writes import Write, copy, postgresql_statement, sqlite_statement

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 5_000
STANDSTILL_TIMEOUT_MS = 10_000
"""How long a bank that is frozen within a transaction keeps from others what it has locked."""
ANSWER_TIMEOUT_S = 6
"""How long a transaction may take, before a server that is silent is taken for broken."""
DEADLINE_S = 5.0
CONNECTIONS_MAX = 16
SCHEMA_LOCK = 4_130_977
PAUSE_MIN_S, PAUSE_MAX_S = 0.002, 0.1
ROWS_AT_ONCE = 1_000

_OF_THE_STORE = (OperationalError, InterfaceError, InternalError, IntegrityError, PoolTimeout)
"""What is not our own mistake."""

UNWANTED_PLANS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
"""A plan made while a table was empty is kept while it grows: that is to be one by an index."""

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


class Database:
    """One SQLite file or one PostgreSQL database."""

    def __init__(
        self,
        url: str,
        observer: Observer | None = None,
        *,
        prepare: Callable[[Connection], None] = schema.prepare,
    ) -> None:
        """Open a database; an empty one is given its tables.

        :raises SettingsError: it cannot be reached, or would not keep what it confirms.
        """
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._observer = observer or Observer()
        self._writer = Lock()
        self._watchdog = Watchdog(ANSWER_TIMEOUT_S)
        self._statements: dict[Any, str] = {}
        self._readings: dict[Select[Any], Reading] = {}
        try:
            opening = sqlite_engine if self.is_sqlite else _postgresql
            self.engine = opening(url, LOCK_TIMEOUT_MS)
        except ModuleNotFoundError as error:
            message = f"STORE_URL needs {error.name}: install the extra, `accounts-bank[postgres]`."
            raise SettingsError(message) from error
        self._driven = dialect(paramstyle="named") if self.is_sqlite else self.engine.dialect
        self._change = self.engine.execution_options(begin=BEGIN_TO_WRITE)
        self._snapshot = self._alone = self.engine.execution_options(begin="BEGIN")
        if not self.is_sqlite:
            self._snapshot = self.engine.execution_options(isolation_level="REPEATABLE READ")
            self._alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with ExitStack() as failed:
            failed.callback(self.close)
            self._prepare(prepare)
            failed.pop_all()
        self._observer.add_gauges(self._connections)

    def _connections(self) -> dict[str, float]:
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)  # noqa: S101 - for the type
        return {"store_connections": pool.checkedout(), "store_connections_max": CONNECTIONS_MAX}

    def _prepare(self, prepare: Callable[[Connection], None]) -> None:
        """See to the tables, where the database keeps its word; one process at a time.

        SQLite lets nobody wait for whoever opens the file first after a crash: it is tried again.
        """

        def act(_unsure: bool) -> None:  # noqa: FBT001
            with self._change.begin() as connection:
                if self.is_sqlite:
                    check_sqlite(connection)
                else:
                    check_postgresql(connection)
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
                prepare(connection)

        try:
            self._tried(act)
        except (SQLAlchemyError, Unavailable) as error:
            why = error.__cause__ if isinstance(error, Unavailable) else error
            raise SettingsError(f"STORE_URL cannot be opened: {_first_line(why)}") from error

    def read(self, act: Callable[[Connection], T]) -> T:
        """Read in one transaction, as of one moment.

        :raises Unavailable: the database does not answer.
        """
        return self._tried(lambda _unsure: self._run(self._snapshot, act))

    def fetch(self, connection: Connection, query: Select[Any], **parameters: Any) -> Sequence[Row]:
        """Read by a query that is made once, as plain rows."""
        if self.is_sqlite:
            lists = {name: each for name, each in parameters.items() if isinstance(each, list)}
            parameters |= {name: _encode(each).decode() for name, each in lists.items()}
        return self.reading(query).rows(connection, parameters)

    def reading(self, query: Select[Any]) -> Reading:
        """Give a query that is made once as the driver takes it."""
        if query not in self._readings:
            self._readings[query] = reading(query, self._driven)
        return self._readings[query]

    def found(self, query: Select[Any], **parameters: Any) -> Sequence[Row]:
        """Read by one query that is made once; it is as of one moment, as in `rows`.

        :raises Unavailable: the database does not answer.
        """
        return self._alone_with(lambda connection: self.fetch(connection, query, **parameters))

    def rows(self, query: Executable, **parameters: Any) -> Sequence[Any]:
        """Read by one query, which is as of one moment without a transaction around it.

        :raises Unavailable: the database does not answer.
        """
        return self._alone_with(lambda connection: connection.execute(query, parameters).all())

    def _alone_with(self, read: Callable[[Connection], T]) -> T:
        def act(_unsure: bool) -> T:  # noqa: FBT001
            with self._alone.connect() as connection, self._watching(connection):
                return read(connection)

        return self._tried(act)

    @contextmanager
    def streaming(self) -> Iterator[Callable[[Executable], Iterator[Any]]]:
        """Give a function that reads rows a few at a time, all as of one moment.

        :raises Unavailable: the database does not answer.
        """
        try:
            with self._snapshot.connect() as connection, connection.begin(), ExitStack() as opened:
                if not self.is_sqlite:
                    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                        connection.exec_driver_sql(f"SET LOCAL {name} = 0")
                connection.execute(select(1).select_from(ENTRIES).limit(1))  # the moment is now
                few = connection.execution_options(yield_per=ROWS_AT_ONCE)
                yield lambda query: iter(opened.enter_context(few.execute(query)))
        except SQLAlchemyError as error:
            raise Unavailable(f"The store does not answer: {_kind(error)}.") from error

    def write(self, act: Callable[[Connection, bool], T]) -> T:
        """Write in one transaction, tried again where others were in the way.

        `act` is told whether an earlier try may be committed after all: its connection broke off.

        :raises Unavailable: it cannot be said to be done. To ask for the same again is safe.
        """
        with bounded(self._writer, DEADLINE_S) if self.is_sqlite else nullcontext():
            return self._tried(lambda unsure: self._run(self._change, lambda c: act(c, unsure)))

    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Ask whether a column has one of the values of a parameter, which is a list."""
        if self.is_sqlite:  # a query is then the same for however many
            return column.in_(select(self.each_of(name, column).c.value))
        return column == func.any(_array(name, column))

    def each_of(self, name: str, like: ColumnElement[Any]) -> FromClause:
        """Ask for a row with each `value` of a parameter, which is a list of values of a column."""
        value = column("value", like.type)
        if self.is_sqlite:
            each = func.json_each(bindparam(name, type_=Json(list[Any])))
            return each.table_valued(value, name=name)
        return func.unnest(_array(name, value)).table_valued(value, name=name).render_derived()

    def by_id(self, table: Table) -> tuple[Select[Any], Select[Any]]:
        """Ask for rows by a list of `ids`: first as they are, then locked in the order of the list.

        The list is in the order of the ids.
        """
        if self.is_sqlite:
            query = select(table).where(self.among(table.c.id, "ids"))
            return query, query
        ids = _array("ids", table.c.id)
        return lookups.by_id(table, ids, lock=False), lookups.by_id(table, ids, lock=True)

    def by_name(self, table: Table, column: str) -> tuple[Select[Any], Select[Any]]:
        """Ask for rows by a list of `names`, which are ids or values of a column; as `by_id`."""
        if self.is_sqlite:
            named = (self.among(each, "names") for each in (table.c.id, table.c[column]))
            query = select(table).where(or_(*named))
            return query, query
        names = _array("names", table.c.id)
        return (
            lookups.by_name(table, names, column, lock=False),
            lookups.by_name(table, names, column, lock=True),
        )

    def save(self, connection: Connection, writes: Iterable[Write]) -> None:
        """Insert and change many rows: in one statement, or one for each table on SQLite."""
        given = [write for write in writes if write.rows]
        if self.is_sqlite:
            for write in given:
                connection.exec_driver_sql(self._sql(write), write.values(key_last=True))
            return
        for write in given:
            if write.is_large:
                copy(connection, write)
        given = [write for write in given if not write.is_large]
        if given:
            key = tuple(write.statement for write in given)
            if key not in self._statements:
                self._statements[key] = postgresql_statement(given)
            texts = tuple(msgspec.json.encode(write.values()).decode() for write in given)
            with driving(connection, self._statements[key]) as driver:
                driver.execute(self._statements[key], texts)

    def _sql(self, write: Write) -> str:
        if write.statement not in self._statements:
            self._statements[write.statement] = sqlite_statement(write)
        return self._statements[write.statement]

    def close(self) -> None:
        """Let go of the connections."""
        self._watchdog.close()
        self.engine.dispose()

    def _run(self, engine: Engine, act: Callable[[Connection], T]) -> T:
        with engine.connect() as connection, self._watching(connection), connection.begin():
            return act(connection)

    def _watching(self, connection: Connection) -> AbstractContextManager[None]:
        return nullcontext() if self.is_sqlite else self._watchdog.watching(connection)

    def _tried(self, act: Callable[[bool], T]) -> T:
        deadline_s, pause_s, unsure = monotonic() + DEADLINE_S, PAUSE_MIN_S, False
        while True:
            try:
                return act(unsure)
            except _OF_THE_STORE as error:
                if not _may_pass(error) or monotonic() + pause_s > deadline_s:
                    raise Unavailable(f"The store does not answer: {_kind(error)}.") from error
                unsure = unsure or (isinstance(error, DBAPIError) and error.connection_invalidated)
            self._observer.transaction_retried()
            sleep(random.uniform(0, pause_s))  # noqa: S311 - to meet nobody at the same moment
            pause_s = min(2 * pause_s, PAUSE_MAX_S)


def _postgresql(url: str, lock_timeout_ms: int) -> Engine:
    options = dict.fromkeys(UNWANTED_PLANS, "off")
    options |= {
        "lock_timeout": f"{lock_timeout_ms}",
        "statement_timeout": f"{STATEMENT_TIMEOUT_MS}",
        "idle_in_transaction_session_timeout": f"{STANDSTILL_TIMEOUT_MS}",
    }
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=CONNECT_TIMEOUT_S,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "client_encoding": ENCODING,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
        },
    )


def _array(name: str, column: ColumnElement[Any]) -> Any:
    kind = ARRAY(column.type, dimensions=1)
    return cast(bindparam(name, type_=kind), kind)


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


def _first_line(error: BaseException | None) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]


def upgrade(url: str) -> None:
    """Bring the schema of a database up to date.

    :raises SettingsError: it cannot be reached, or holds something else.
    """
    Database(url, prepare=schema.upgrade).close()


@contextmanager
def restoring(url: str) -> Iterator[Database]:
    """Open a database to restore into; what a copy that was broken off left is thrown away.

    :raises SettingsError: it cannot be reached, or is not empty.
    """
    with closing(Database(url, prepare=schema.begin_copy)) as database:
        yield database
    Database(url, prepare=schema.end_copy).close()
