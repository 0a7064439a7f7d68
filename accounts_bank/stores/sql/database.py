"""An SQL database: its transactions, which are retried, and its prepared queries.

    write(act)      BEGIN IMMEDIATE or READ COMMITTED   act(connection, tries) -> COMMIT
    read(act)       one snapshot                        act(connection)
    found(query)    no transaction                      one query, which is one snapshot
    streaming()     one snapshot                        rows, a thousand at a time

          Tries <------ error ------.
            | again                 |
            v                       |
    engine.connect -> watched -> begin -> act -> commit

Invariants:

1. A transaction ends before its method returns: a connection is never held between two calls.
2. `act` may run several times. It has no effect outside of its transaction.
3. After a lost connection the commit is in doubt. `tries.is_unsure` tells `act` to look first.
4. Every wait is bounded: for a connection, a lock, a statement, a silent server, and all tries.
5. Only `Unavailable` means "send it again". A mistake of this program is raised as it is.
   `Damaged` ends the work: from the first one on, every call raises it.
6. SQLite and PostgreSQL differ in their `Dialect` alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import partial
from threading import local
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Executable, Select, make_url, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from accounts_bank.errors import Damaged, SettingsError, Unavailable
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.backend import Inherited
from accounts_bank.stores.databases.damage import Damage
from accounts_bank.stores.sql import schema
from accounts_bank.stores.sql.damage import fault_of
from accounts_bank.stores.sql.dialects import Dialect, PostgresqlDialect, SqliteDialect
from accounts_bank.stores.sql.dialects.postgresql import CONNECTIONS_MAX
from accounts_bank.stores.sql.driver import Reading, Row, reading
from accounts_bank.stores.sql.retry import RETRIED, Tries, kind_of
from accounts_bank.stores.sql.tables import ENTRIES
from accounts_bank.stores.sql.writes import Write

LOCK_TIMEOUT_MS = 5_000
ROWS_AT_ONCE = 1_000

T = TypeVar("T")
P = ParamSpec("P")


class _Joint(local):
    """The transaction of this thread that its writes join."""

    connection: Connection | None = None


class Database:
    """One SQLite file or one PostgreSQL database."""

    def __init__(
        self,
        url: str,
        observer: Observer | None = None,
        *,
        prepare: Callable[[Connection], None] = schema.prepare,
    ) -> None:
        """Open a database; an empty one gets its tables.

        :param prepare: checks or changes the schema, in a transaction of its own.
        :raises ModuleNotFoundError: the driver is not installed.
        :raises SettingsError: the database does not answer, or would lose acknowledged commits.
        """
        self.url = make_url(url)
        self._observer = observer or Observer()
        self._damage = Damage(self._observer)
        self._readings: dict[Select[Any], Reading] = {}
        self._joint = _Joint()
        is_sqlite = self.url.get_backend_name() == SqliteDialect.name
        make = SqliteDialect if is_sqlite else PostgresqlDialect
        self.dialect: Dialect = make(url, LOCK_TIMEOUT_MS)
        with ExitStack() as failed:
            failed.callback(self.close)
            self._prepare(prepare)
            failed.pop_all()
        self._observer.add_gauges(self._connections)

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine."""
        return self.dialect.engine

    def _connections(self) -> dict[str, float]:
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)  # noqa: S101 - for the type
        return {"store_connections": pool.checkedout(), "store_connections_max": CONNECTIONS_MAX}

    def _prepare(self, prepare: Callable[[Connection], None]) -> None:
        """Check the database and prepare the schema, one process at a time.

        After a crash the first process that opens a SQLite file locks the others out for a moment;
        they try again.
        """

        def act(connection: Connection, _tries: Tries) -> None:
            self.dialect.check(connection)
            prepare(connection)

        try:
            self.dialect.enter()
            self.write(act)
        except Damaged as error:
            raise SettingsError(error.detail) from error
        except (SQLAlchemyError, Unavailable) as error:
            why = error.__cause__ if isinstance(error, Unavailable) else error
            raise SettingsError(f"STORE_URL cannot be opened: {_first_line(why)}") from error

    def write(self, act: Callable[[Connection, Tries], T]) -> T:
        """Write in one transaction.

        :param act: gets the connection and the tries; `tries.is_unsure` says that an earlier try
            may have been committed.
        :raises Unavailable: the outcome is unknown, or nothing was done; a repetition is safe.
        """
        tries = Tries(self._observer)
        if self._joint.connection is not None:
            return act(self._joint.connection, tries)
        with self.dialect.exclusive():
            return self._tried(tries, self.dialect.changes, act, tries)

    def replace(self, load: Callable[[], object]) -> None:
        """Delete all data, and call `load`: its writes join this one transaction.

        :raises Unavailable: the outcome is unknown, or nothing was done.
        """

        def act(connection: Connection, _tries: Tries) -> None:
            schema.empty(connection)
            self._joint.connection = connection
            try:
                load()
            finally:
                self._joint.connection = None

        self.write(act)

    def read(self, act: Callable[[Connection], T]) -> T:
        """Read in one transaction, as of one moment.

        :raises Unavailable: the database does not answer.
        """
        return self._tried(Tries(self._observer), self.dialect.snapshots, act)

    def found(self, query: Select[Any], **parameters: Any) -> Sequence[Row]:
        """Return the rows of one prepared query.

        :raises Unavailable: the database does not answer.
        """
        tries = Tries(self._observer)
        return self._tried(tries, self.dialect.singles, self.fetch, query, **parameters)

    def rows(self, query: Executable, **parameters: Any) -> Sequence[Any]:
        """Return the rows of one query.

        :raises Unavailable: the database does not answer.
        """

        def act(connection: Connection) -> Sequence[Any]:
            return connection.execute(query, parameters).all()

        return self._tried(Tries(self._observer), self.dialect.singles, act)

    def _tried(
        self,
        tries: Tries,
        engine: Engine,
        act: Callable[Concatenate[Connection, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Call `act` with a connection until it succeeds or `tries` gives up."""
        alone = engine is self.dialect.singles
        self._check_damage()
        while True:
            try:
                with (
                    engine.connect() as connection,
                    self.dialect.watched(connection),
                    nullcontext() if alone else connection.begin(),
                ):
                    return act(connection, *arguments, **named)
            except SQLAlchemyError as error:
                self._raise_damage(error)
                tries.again(error)

    def _check_damage(self) -> None:
        """Return while the database is not known to be damaged.

        :raises Damaged: this process or another one found a fault.
        """
        self._damage.check()
        if fault := self.dialect.known_fault():
            self._damage.keep(Damaged(fault))
            self._damage.check()

    def _raise_damage(self, error: SQLAlchemyError) -> None:
        """Return if an error reports no damage.

        :raises Damaged: it does.
        """
        if fault := fault_of(error):
            self._damage.check()
            self._damage.keep(self.dialect.damaged(fault))
            self._damage.check()

    def fetch(
        self, connection: Connection, /, query: Select[Any], **parameters: Any
    ) -> Sequence[Row]:
        """Return the rows of a prepared query within a transaction, as plain tuples."""
        return self.reading(query).rows(connection, self.dialect.parameters(parameters))

    def reading(self, query: Select[Any]) -> Reading:
        """Return a query in the form of the driver; it is compiled once."""
        if query not in self._readings:
            self._readings[query] = reading(query, self.dialect.compiler)
        return self._readings[query]

    @contextmanager
    def streaming(self) -> Iterator[Callable[[Executable], Iterator[Any]]]:
        """Give a function that streams the rows of a query; all queries are as of one moment.

        :raises Unavailable: the database does not answer.
        """
        engine = self.dialect.snapshots
        self._check_damage()
        try:
            with engine.connect() as connection, connection.begin(), ExitStack() as opened:
                self.dialect.stream_without_limit(connection)
                connection.execute(select(1).select_from(ENTRIES).limit(1))  # the moment is now
                few = connection.execution_options(yield_per=ROWS_AT_ONCE)
                yield lambda query: iter(opened.enter_context(few.execute(query)))
        except SQLAlchemyError as error:
            self._raise_damage(error)
            if not isinstance(error, RETRIED):
                raise
            raise Unavailable(f"The store does not answer: {kind_of(error)}.") from error

    def save(self, connection: Connection, writes: Iterable[Write]) -> None:
        """Insert and update rows within a transaction."""
        self.dialect.save(connection, [write for write in writes if write.rows])

    def close(self) -> None:
        """Close the connections."""
        self.dialect.close()


def _first_line(error: BaseException | None) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]


def upgrade(url: str, inherited: Inherited = ()) -> None:
    """Bring the schema of a database up to date, as `BackendModule` says.

    :raises SettingsError: the database does not answer, holds something else, or disagrees with
        `inherited`.
    """
    Database(url, prepare=partial(schema.upgrade, inherited=inherited)).close()


@contextmanager
def restoring(url: str) -> Iterator[Database]:
    """Open a database to restore into; the rest of an interrupted copy is deleted.

    :raises SettingsError: the database does not answer, or is not empty.
    """
    with closing(Database(url, prepare=schema.begin_copy)) as database:
        yield database
    Database(url, prepare=schema.end_copy).close()
