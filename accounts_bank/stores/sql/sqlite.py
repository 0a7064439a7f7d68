"""Connections to a SQLite file, and turns at it among processes.

WAL with `synchronous=FULL`: a commit survives a power cut. BEGIN IMMEDIATE: a writer knows at once
whether it may write.
"""

import sqlite3
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine

BEGIN_TO_WRITE = "BEGIN IMMEDIATE"
LOOK_AGAIN_S = 0.0003
STATEMENTS_KEPT = 32
"""By a connection: a statement that names thousands takes as much as all others together."""
WAL_PAGES = 4_000
"""How much is written ahead (16 MiB) before it is tidied up: a page changed often is moved once."""


def sqlite_engine(url: str, lock_timeout_ms: int) -> Engine:
    """Make what opens connections; the option `begin` says how a transaction begins."""
    given = {"timeout": lock_timeout_ms / 1000, "cached_statements": STATEMENTS_KEPT}
    engine = create_engine(url, connect_args=given)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, see below
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

    SQLite itself looks again after 1, 2, 5, 10, 15 ms and more, while a commit takes 3: two
    processes that write would both stand idle in between.
    """
    driver, until_s = connection.connection.driver_connection, monotonic() + timeout_ms / 1000
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while _is_taken(driver) and monotonic() < until_s:
            sleep(LOOK_AGAIN_S)
        if not driver.in_transaction:  # for the error, in SQLAlchemy's words
            connection.exec_driver_sql(BEGIN_TO_WRITE)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {timeout_ms}")


def _is_taken(driver: sqlite3.Connection) -> bool:
    """Begin, and tell whether somebody else was before us."""
    try:
        driver.execute(BEGIN_TO_WRITE)
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # extended codes lie above
    return False
