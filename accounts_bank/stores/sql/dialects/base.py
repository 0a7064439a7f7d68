"""The contract of an SQL dialect: everything in which SQLite and PostgreSQL differ."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table
from sqlalchemy import Dialect as Compiler
from sqlalchemy.engine import Engine

from accounts_bank.errors import Damaged
from accounts_bank.stores.sql.writes import Write


class Lookup(NamedTuple):
    """A query for rows by a list of names: without locks, and with the rows locked by id."""

    plain: Select[Any]
    locked: Select[Any]


class Dialect(ABC):
    """One database: its engines, its locks, and the forms of its queries.

    `engine` opens connections; `changes`, `snapshots` and `singles` are the same engine with the
    options of a write transaction, of a read transaction as of one moment, and of one query alone.
    `compiler` turns a query into the text and the parameters that the driver takes.
    """

    name: str
    engine: Engine
    changes: Engine
    snapshots: Engine
    singles: Engine
    compiler: Compiler
    has_clock: bool
    """Whether `present` asks a server's clock."""
    present: Select[tuple[datetime]]
    """The query for the present: the server's time, or the last recorded time."""
    now_ms: str
    """The SQL for the milliseconds since 1970, by a clock that all processes share."""

    def now_parameters(self) -> dict[str, int]:
        """Return the parameters of `now_ms`."""
        return {}

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    @abstractmethod
    def enter(self) -> None:
        """Look at the files of the database before the first connection.

        :raises Damaged: they are damaged.
        """

    def known_fault(self) -> str:
        """Return the sentence of a fault that another process found, "" for none."""
        return ""

    def shared_clock(self) -> datetime | None:
        """Return the time by the clock that the processes of a machine share, if there is one."""
        return None

    def damaged(self, fault: str) -> Damaged:
        """Return the error for a fault that the database reported; other processes learn it."""
        return Damaged(f"The database is damaged: restore a backup. It says: {fault}.")

    @abstractmethod
    def check(self, connection: Connection) -> None:
        """Check that the database keeps acknowledged commits; lock the schema until the commit.

        :raises SettingsError: the database would lose commits, or takes none.
        :raises Damaged: it is corrupt.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the right to write, where the database has one writer at a time.

        :raises Unavailable: other threads held it for too long.
        """

    @abstractmethod
    def watched(self, connection: Connection) -> AbstractContextManager[None]:
        """Bound the time that the server may stay silent within the block."""

    @abstractmethod
    def stream_without_limit(self, connection: Connection) -> None:
        """Lift the time limits of statements from the current transaction."""

    @abstractmethod
    def parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Convert parameters that are lists to the form that the driver takes."""

    @abstractmethod
    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that a column has a value of the list parameter `name`."""

    @abstractmethod
    def each_of(self, name: str, like: ColumnElement[Any]) -> FromClause:
        """Return rows with a column `value`, one for each item of the list parameter `name`.

        The items have the type of the column `like`.
        """

    @abstractmethod
    def by_id(self, table: Table) -> Lookup:
        """Return the query for rows by the list parameter `ids`, which is in the order of ids."""

    @abstractmethod
    def by_name(self, table: Table, column: str) -> Lookup:
        """Return the query for rows by the list parameter `names`: ids or values of `column`."""

    @abstractmethod
    def save(self, connection: Connection, writes: Sequence[Write]) -> None:
        """Insert and update rows; no `Write` is empty."""
