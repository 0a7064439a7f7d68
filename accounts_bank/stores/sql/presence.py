"""Whether an SQL database holds a bank, and whether a process has it open.

    SQLite        a second connection gets no exclusive lock while another one is open
    PostgreSQL    the server lists its sessions with the name of their application

Both answers come from the database, so a killed process leaves no trace.
Sources: https://sqlite.org/pragma.html#pragma_locking_mode,
https://www.postgresql.org/docs/current/monitoring-stats.html.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, make_url, text

from accounts_bank.stores.sql import schema
from accounts_bank.stores.sql.database import Database
from accounts_bank.stores.sql.dialects import SqliteDialect
from accounts_bank.stores.sql.dialects.postgresql import APPLICATION

_SESSIONS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND application_name = :name"
).bindparams(name=APPLICATION)


def holds_bank(url: str) -> bool:
    """Return whether a database holds a bank, as `BackendModule` says."""
    path = _file(url)
    if path is None:
        return _asked(url, schema.is_there)
    if not path.is_file() or not path.stat().st_size:
        return False
    try:
        with closing(_opened(path, "ro")) as connection:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
            return found.fetchone() is not None
    except sqlite3.Error:
        return True  # opening it as a bank names the reason


def is_in_use(url: str) -> bool:
    """Return whether a process has the bank open, as `BackendModule` says."""
    path = _file(url)
    if path is None:
        return _asked(url, lambda connection: bool(connection.scalar(_SESSIONS)))
    with closing(_opened(path, "rw")) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        connection.execute("ROLLBACK")
        return False


def _file(url: str) -> Path | None:
    """Return the file of an SQLite URL."""
    parsed = make_url(url)
    if parsed.get_backend_name() != SqliteDialect.name:
        return None
    return Path((parsed.database or "").removeprefix("file:"))


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    url = f"file:{quote(str(path))}?mode={mode}"
    return sqlite3.connect(url, uri=True, timeout=0, isolation_level=None)


def _asked(url: str, ask: Callable[[Connection], bool]) -> bool:
    """Ask a database that keeps its schema as it is."""
    answers: list[bool] = []
    with closing(Database(url, prepare=lambda connection: answers.append(ask(connection)))):
        return answers[-1]
