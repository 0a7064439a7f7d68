"""Look-ups of very many rows at once, as PostgreSQL is to do them: one by one, by an index.

It makes a plan from what it knows of a table, and of one that was made a minute ago it knows
nothing. `id = ANY(...)` is then a filter on all rows, and thousands of names on thousands of rows
take longer than anybody waits. What stands here leaves it no choice: a LATERAL that locks rows, or
that has an order, is run for each name.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    func,
    select,
    true,
    union_all,
)


def by_id(table: Table, ids: ColumnElement[Any], *, lock: bool) -> Select[Any]:
    """Ask for rows by their ids, in the order in which those are given; locked so, if at all."""
    return _each(table, _rows_of(ids, "id"), lock=lock)


def by_name(table: Table, names: ColumnElement[Any], column: str, *, lock: bool) -> Select[Any]:
    """Ask for rows by their ids or another column, in the order of their ids; locked so."""
    wanted = _rows_of(names, "name")
    found = union_all(
        *(
            select(table.c.id).where(each == wanted.c.name).correlate(wanted)
            for each in (table.c.id, table.c[column])
        )
    )
    each = found.order_by(found.selected_columns.id).lateral("found")
    ids = select(each.c.id).select_from(wanted.join(each, true())).order_by(each.c.id)
    return _each(table, ids.subquery("wanted_ids"), lock=lock)


def _rows_of(array: ColumnElement[Any], name: str) -> FromClause:
    return func.unnest(array).table_valued(name, name="wanted").render_derived()


def _each(table: Table, wanted: FromClause, *, lock: bool) -> Select[Any]:
    one = select(table).where(table.c.id == wanted.c.id).correlate(wanted)
    one = one.with_for_update(key_share=True) if lock else one.order_by(table.c.id)
    each = one.lateral("each_one")
    return select(*each.c).select_from(wanted.join(each, true()))
