"""Checks of a database at each start, before the first write."""

from sqlalchemy import Connection

from accounts_bank.errors import SettingsError

STRONG_COMMITS = frozenset({"on", "remote_write", "remote_apply"})
ENCODING = "UTF8"
"""The encoding that has every letter and counts letters, not bytes."""


def check_postgresql(connection: Connection) -> None:
    """Check that PostgreSQL keeps every acknowledged commit, in every language.

    :raises SettingsError: it does not; the message says how to change it.
    """
    if _setting(connection, "transaction_read_only") == "on":
        raise SettingsError(
            "PostgreSQL is read-only: it is a standby, or configured so. Name the primary."
        )
    commits = _setting(connection, "synchronous_commit")
    if commits not in STRONG_COMMITS:
        raise SettingsError(
            f"PostgreSQL has synchronous_commit={commits}: a crash loses what it confirms. "
            "Set it to `on` for this user or database."
        )
    encoding = _setting(connection, "server_encoding")
    if encoding != ENCODING:
        raise SettingsError(
            f"PostgreSQL keeps this database in {encoding}, which lacks letters that names have. "
            f"Make one with `createdb --template=template0 --encoding={ENCODING}`."
        )


def _setting(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())
