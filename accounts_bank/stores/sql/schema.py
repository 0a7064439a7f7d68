"""The version of a database's schema: checked at each start, changed by Alembic.

An empty database gets the newest tables at once; a test compares them with the migrations' tables.
Only `accounts upgrade` loads Alembic.
"""

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    exists,
    select,
)

from accounts_bank.errors import SettingsError
from accounts_bank.stores.backend import Inherited
from accounts_bank.stores.databases.schema_version import (
    BEING_COPIED,
    check_empty,
    check_upgradable,
    check_version,
)
from accounts_bank.stores.sql.inheritance import inherit, make_bank
from accounts_bank.stores.sql.tables import ACCOUNTS, BANK, METADATA

VERSION = 7
"""The number of the last revision in migrations/versions."""

NUMBERED = 2
"""The first version in which the journal has numbers."""

_DATA = [table for table in METADATA.sorted_tables if table is not BANK]
_ALEMBIC = MetaData()
_VERSIONS = Table(
    "alembic_version",
    _ALEMBIC,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def is_there(connection: Connection) -> bool:
    """Return whether a database has a bank's schema of any version."""
    return _version(connection) is not None


def prepare(connection: Connection) -> None:
    """Create the tables in an empty database; else check the version of the schema.

    :raises SettingsError: the version differs; the message says how to go on.
    """
    kept = _version(connection)
    if kept is None:
        _check_unused(connection)
        METADATA.create_all(connection, checkfirst=False)
        _ALEMBIC.create_all(connection)
        connection.execute(_VERSIONS.insert(), {"version_num": revision(VERSION)})
        make_bank(connection)
    else:
        check_version(kept, VERSION)


def upgrade(connection: Connection, inherited: Inherited = ()) -> None:
    """Run the missing migrations; `inherited` gives the numbers to a database of version 1.

    :raises SettingsError: the database holds something else, is newer, or disagrees with
        `inherited`.
    """
    from alembic import command  # noqa: PLC0415 - slow to load, and needed here alone
    from alembic.config import Config  # noqa: PLC0415

    kept = _version(connection)
    if kept is None:
        _check_unused(connection)
    else:
        check_upgradable(kept, VERSION)
    if connection.dialect.name == "postgresql":  # large tables take their time
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "accounts_bank.stores.sql:migrations")
    command.upgrade(config, "head")
    if kept is None or kept < NUMBERED:
        make_bank(connection)
    if kept is not None and kept < NUMBERED:
        inherit(connection, inherited)


def empty(connection: Connection) -> None:
    """Delete all data but the bank itself; writers wait for the end of the transaction."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in (*_DATA, BANK))
        connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
    for table in _DATA:
        connection.execute(table.delete())


def begin_copy(connection: Connection) -> None:
    """Delete the rest of an interrupted copy, and mark the database as incomplete.

    :raises SettingsError: the database holds something else.
    """
    if _version(connection) == BEING_COPIED:
        empty(connection)
    else:
        prepare(connection)
        check_empty(any(map(connection.scalar, map(_any, _DATA))))
        _set_version(connection, BEING_COPIED)


def end_copy(connection: Connection) -> None:
    """Mark the database as complete."""
    _set_version(connection, VERSION)


def revision(version: int) -> str:
    """Return the name of the revision of a schema version."""
    return f"{version:04}"


def _version(connection: Connection) -> int | None:
    if not _has(connection, _VERSIONS):
        return None
    return int(connection.execute(select(_VERSIONS.c.version_num)).scalar_one())


def _set_version(connection: Connection, version: int) -> None:
    connection.execute(_VERSIONS.update(), {"version_num": revision(version)})


def _any(table: Table) -> Select[bool]:
    return select(exists(select(1).select_from(table)))


def _check_unused(connection: Connection) -> None:
    if _has(connection, ACCOUNTS):
        raise SettingsError("The database holds something else: name an empty one.")


def _has(connection: Connection, table: Table) -> bool:
    return connection.dialect.has_table(connection, table.name)
