"""Rows to write, and the statements that write many at once.

PostgreSQL is given all rows of a table as one JSON text, and all tables in one statement: to make
an array for each column would cost several times what the rest of a batch does. Very many rows are
sent by COPY, which takes each while the next one is made.
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
"""From how many rows on COPY is worth a statement for each table."""


def _moments(values: Sequence[datetime | None]) -> list[int | None]:
    """Convert times; entries asked together share theirs."""
    known = {each: None if each is None else microseconds(each) for each in set(values)}
    return [known[each] for each in values]


_CONVERTERS: dict[type[Any], Callable[[Sequence[Any]], Sequence[Any]]] = {
    Moment: _moments,
    Json: lambda values: [_encode(each).decode() for each in values],
}
"""Convert all values of a column."""


class Write(Struct, frozen=True):
    """Rows to insert into a table, or to change by a `key`; each has a value for each name."""

    table: Table
    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    key: str | None = None

    @property
    def statement(self) -> tuple[str, tuple[str, ...], str | None]:
        """Say which statement writes it."""
        return self.table.name, self.names, self.key

    @property
    def is_large(self) -> bool:
        """Say whether it is to be written by COPY, where there is one."""
        return self.key is None and len(self.rows) >= COPY_MIN

    def values(self, *, key_last: bool = False) -> list[tuple[Any, ...]]:
        """Return the rows as the database takes them, on request with the key's value last."""
        columns: list[Sequence[Any]] = list(zip(*self.rows, strict=True))
        for number, name in enumerate(self.names):
            convert = _CONVERTERS.get(type(self.table.c[name].type))
            if convert:
                columns[number] = convert(columns[number])
        if key_last and self.key:
            columns.append(columns.pop(self.names.index(self.key)))
        return list(zip(*columns, strict=True))


def sqlite_statement(write: Write) -> str:
    """Write the statement for one row, to be run with many."""
    name, names = write.table.name, write.names
    if write.key:
        # SQLite rewrites the indexes of each column that is set, so the key is not set.
        changes = ", ".join(f'"{each}" = ?' for each in names if each != write.key)
        return f'UPDATE {name} SET {changes} WHERE "{write.key}" = ?'  # noqa: S608
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {name} ({_quoted(names)}) VALUES ({marks})"  # noqa: S608


def postgresql_statement(writes: Sequence[Write]) -> str:
    """Write one statement for all; each takes its rows as a JSON array of arrays."""
    *first, last = (_postgresql(write) for write in writes)
    parts = ", ".join(f"w{number} AS ({each})" for number, each in enumerate(first))
    return f"WITH {parts} {last}" if first else last


def copy(connection: Connection, write: Write) -> None:
    """Insert the rows by PostgreSQL's COPY.

    :raises DBAPIError: as where SQLAlchemy itself runs a statement.
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
