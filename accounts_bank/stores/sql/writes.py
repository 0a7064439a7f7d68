"""Rows to write, and the statements that write many rows at once.

PostgreSQL takes all rows of a table as one JSON text, and all tables in one statement. An array for
each column would cost several times the time of the whole batch. COPY sends very many rows: it
takes each row while the next one is made.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql

from accounts_bank.stores.databases.timestamps import microseconds
from accounts_bank.stores.sql.driver import driving
from accounts_bank.stores.sql.tables import Json, Moment

_encode = msgspec.json.Encoder().encode
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]

COPY_MIN = 1_000
"""Number of rows from which COPY is faster than one statement for all tables."""


def _moments(values: Sequence[datetime | None]) -> list[int | None]:
    """Convert times; the entries of a batch share theirs."""
    known = {each: None if each is None else microseconds(each) for each in set(values)}
    return [known[each] for each in values]


_CONVERTERS: dict[type[Any], Callable[[Sequence[Any]], Sequence[Any]]] = {
    Moment: _moments,
    Json: lambda values: [None if each is None else _encode(each).decode() for each in values],
}
"""Convert all values of a column."""


class Write(Struct, frozen=True):
    """Rows to insert into a table, or to update by a `key`; each has a value for each name."""

    table: Table
    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    key: str | None = None

    @property
    def statement(self) -> tuple[str, tuple[str, ...], str | None]:
        """The identity of the statement that writes the rows."""
        return self.table.name, self.names, self.key

    @property
    def is_large(self) -> bool:
        """Whether COPY writes the rows, on a database that has it."""
        return self.key is None and len(self.rows) >= COPY_MIN

    def values(self, *, key_last: bool = False) -> list[tuple[Any, ...]]:
        """Return the rows in the form of the database; `key_last` moves the key to the end."""
        columns: list[Sequence[Any]] = list(zip(*self.rows, strict=True))
        for number, name in enumerate(self.names):
            convert = _CONVERTERS.get(type(self.table.c[name].type))
            if convert:
                columns[number] = convert(columns[number])
        if key_last and self.key:
            columns.append(columns.pop(self.names.index(self.key)))
        return list(zip(*columns, strict=True))


def sqlite_statement(write: Write) -> str:
    """Return the statement for one row; the driver runs it with many."""
    name, names = write.table.name, write.names
    if write.key:
        # SQLite rewrites the indexes of each assigned column, so the key is not assigned.
        changes = ", ".join(f'"{each}" = ?' for each in names if each != write.key)
        return f'UPDATE {name} SET {changes} WHERE "{write.key}" = ?'  # noqa: S608
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {name} ({_quoted(names)}) VALUES ({marks})"  # noqa: S608


def postgresql_statement(writes: Sequence[Write]) -> str:
    """Return one statement for all tables; each takes its rows as a JSON array of arrays."""
    *first, last = (_postgresql(write) for write in writes)
    parts = ", ".join(f"w{number} AS ({each})" for number, each in enumerate(first))
    return f"WITH {parts} {last}" if first else last


def copy(connection: Connection, write: Write) -> None:
    """Insert the rows by PostgreSQL's COPY.

    :raises DBAPIError: the same error as by SQLAlchemy's own execution.
    """
    statement = f"COPY {write.table.name} ({_quoted(write.names)}) FROM STDIN"
    with driving(connection, statement) as driver:  # noqa: SIM117 - as one, it is past the line
        with driver.cursor() as cursor, cursor.copy(statement) as rows:
            for row in write.values():
                rows.write_row(row)


def _postgresql(write: Write) -> str:
    name, names, columns = write.table.name, write.names, write.table.c
    given = ", ".join(
        f'(v->>{number})::{columns[each].type.compile(_POSTGRESQL)} AS "{each}"'
        for number, each in enumerate(names)
    )
    rows = f"SELECT {given} FROM jsonb_array_elements(%s::jsonb) AS given (v)"  # noqa: S608
    if write.key:
        changes = ", ".join(f'"{each}" = g."{each}"' for each in names if each != write.key)
        same = f"t.{write.key} = g.{write.key}"
        return f"UPDATE {name} AS t SET {changes} FROM ({rows}) AS g WHERE {same}"  # noqa: S608
    return f"INSERT INTO {name} ({_quoted(names)}) {rows}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
