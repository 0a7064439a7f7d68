"""PostgreSQL by psycopg.

READ COMMITTED, rows locked in the order of their ids: two writers never wait for each other in a
circle. Every statement, every lock and every idle transaction has a time limit.
Source: https://www.postgresql.org/docs/current/explicit-locking.html.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    FromClause,
    Table,
    bindparam,
    cast,
    create_engine,
    func,
    make_url,
    select,
)
from sqlalchemy import column as column_of

from accounts_bank.stores.sql.checks import ENCODING, check_postgresql
from accounts_bank.stores.sql.dialects import lookups
from accounts_bank.stores.sql.dialects.base import Dialect, Lookup
from accounts_bank.stores.sql.dialects.watchdog import Watchdog
from accounts_bank.stores.sql.driver import driving
from accounts_bank.stores.sql.writes import Write, copy, postgresql_statement

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 5_000
STANDSTILL_TIMEOUT_MS = 10_000
"""Longest pause within a transaction: a frozen process then loses its locks."""
ANSWER_TIMEOUT_S = 6
"""Longest silence of the server within a transaction: the connection is then broken off."""
CONNECTIONS_MAX = 16
APPLICATION = "accounts"
"""The name of a bank's sessions in pg_stat_activity."""
SCHEMA_LOCK = 4_130_977

UNWANTED_PLANS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
"""A plan made for an empty table stays while the table grows; it must use an index."""


class PostgresqlDialect(Dialect):
    """PostgreSQL, for several processes and hosts."""

    name = "postgresql"
    has_clock = True
    present = select(func.clock_timestamp())
    now_ms = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)"

    def __init__(self, url: str, lock_timeout_ms: int) -> None:
        """Make the engine; no connection is opened yet.

        :raises ModuleNotFoundError: the driver is not installed.
        """
        self.engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=CONNECTIONS_MAX,
            max_overflow=0,
            pool_use_lifo=True,
            pool_timeout=CONNECT_TIMEOUT_S,
            isolation_level="READ COMMITTED",
            connect_args=_connect_arguments(lock_timeout_ms),
        )
        self.compiler = self.engine.dialect
        self.changes = self.engine
        self.snapshots = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self.singles = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._watchdog = Watchdog(ANSWER_TIMEOUT_S)
        self._statements: dict[Any, str] = {}

    def close(self) -> None:
        self._watchdog.close()
        super().close()

    def enter(self) -> None:
        """Do nothing: the server looks after its files."""

    def check(self, connection: Connection) -> None:
        check_postgresql(connection)
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()  # rows are locked, not the database

    def watched(self, connection: Connection) -> AbstractContextManager[None]:
        return self._watchdog.watching(connection)

    def stream_without_limit(self, connection: Connection) -> None:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {name} = 0")

    def parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return parameters  # psycopg takes lists as arrays

    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        return column == func.any(_array(name, column))

    def each_of(self, name: str, like: ColumnElement[Any]) -> FromClause:
        value = column_of("value", like.type)
        return func.unnest(_array(name, value)).table_valued(value, name=name).render_derived()

    def by_id(self, table: Table) -> Lookup:
        ids = _array("ids", table.c.id)
        return Lookup(*(lookups.by_id(table, ids, lock=lock) for lock in (False, True)))

    def by_name(self, table: Table, column: str) -> Lookup:
        names = _array("names", table.c.id)
        return Lookup(*(lookups.by_name(table, names, column, lock=lock) for lock in (False, True)))

    def save(self, connection: Connection, writes: Sequence[Write]) -> None:
        """Write all tables by one statement, and large ones by COPY."""
        for write in writes:
            if write.is_large:
                copy(connection, write)
        small = [write for write in writes if not write.is_large]
        if small:
            key = tuple(write.statement for write in small)
            if key not in self._statements:
                self._statements[key] = postgresql_statement(small)
            texts = tuple(msgspec.json.encode(write.values()).decode() for write in small)
            with driving(connection, self._statements[key]) as driver:
                driver.execute(self._statements[key], texts)


def _connect_arguments(lock_timeout_ms: int) -> dict[str, Any]:
    options = dict.fromkeys(UNWANTED_PLANS, "off")
    options |= {
        "lock_timeout": f"{lock_timeout_ms}",
        "statement_timeout": f"{STATEMENT_TIMEOUT_MS}",
        "idle_in_transaction_session_timeout": f"{STANDSTILL_TIMEOUT_MS}",
    }
    return {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "client_encoding": ENCODING,
        "application_name": APPLICATION,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
    }


def _array(name: str, column: ColumnElement[Any]) -> Any:
    kind = ARRAY(column.type, dimensions=1)
    return cast(bindparam(name, type_=kind), kind)
