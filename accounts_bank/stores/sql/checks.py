"""Whether a database may hold a bank: asked at each start, before anything is written to it."""

from sqlalchemy import Connection

from accounts_bank.errors import SettingsError

STRONG_COMMITS = frozenset({"on", "remote_write", "remote_apply"})
ENCODING = "UTF8"
"""The one that has every letter, and knows how many of them a text has."""


def check_postgresql(connection: Connection) -> None:
    """Check that a database keeps all that it confirms, in every language.

    :raises SettingsError: it does not; the sentence says what to do.
    """
    if _setting(connection, "transaction_read_only") == "on":
        raise SettingsError(
            "PostgreSQL may only be read: it is a standby, or told so. Name the primary."
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
