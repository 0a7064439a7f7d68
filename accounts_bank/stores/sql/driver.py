"""Prepared queries run on the driver's own connection.

SQLAlchemy makes the connections, the transactions and the text of each query. Its execution of a
query costs a batch as much as all other work, and several times the time that SQLite takes to read
one account. A prepared query therefore runs on the connection of psycopg or sqlite3 directly.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError

Row = Sequence[Any]


class Reading(Struct, frozen=True):
    """A query in the form of the driver.

    `fixed` holds the parameters with a constant value; `converters` turn columns into values.
    """

    statement: str
    fixed: dict[str, Any]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]

    def rows(self, connection: Connection, parameters: dict[str, Any]) -> list[Row]:
        """Return the rows.

        :raises DBAPIError: the same error as by SQLAlchemy's own execution.
        """
        with driving(connection, self.statement) as driver:
            rows = driver.execute(self.statement, self.fixed | parameters).fetchall()
        return [self._converted(row) for row in rows] if self.converters else rows

    def _converted(self, row: Row) -> Row:
        values = list(row)
        for place, convert in self.converters:
            values[place] = convert(values[place])
        return values


def reading(query: Select[Any], dialect: Dialect) -> Reading:
    """Compile a query for the driver."""
    converters = [
        (place, convert)
        for place, column in enumerate(query.selected_columns)
        if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
    ]
    compiled = query.compile(dialect=dialect)
    given = {name: each for name, each in compiled.params.items() if each is not None}
    return Reading(str(compiled), given, tuple(converters))


@contextmanager
def driving(connection: Connection, statement: str) -> Iterator[Any]:
    """Give the driver's connection; its errors become SQLAlchemy's.

    :raises DBAPIError: the driver failed; a lost connection is invalidated.
    """
    dialect, driver = connection.dialect, connection.connection.driver_connection
    try:
        yield driver
    except dialect.dbapi.Error as error:  # type: ignore[union-attr]
        is_lost = dialect.is_disconnect(error, driver, None)
        if is_lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement,
            None,
            error,
            dialect.dbapi.Error,  # type: ignore[union-attr]
            connection_invalidated=is_lost,
            dialect=dialect,
        ) from error
