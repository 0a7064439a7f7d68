"""Lookups of many rows at once on PostgreSQL: one by one, by an index.

The planner knows nothing of a table that was created a minute ago. It then uses `id = ANY(...)` as
a filter on all rows, and thousands of names on thousands of rows take minutes. The queries here
leave it no choice: a LATERAL with a lock or an order runs once for each name.
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
    """Return the query for rows by `ids`, in the order of the list; `lock` locks them so."""
    return _each(table, _rows_of(ids, "id"), lock=lock)


def by_name(table: Table, names: ColumnElement[Any], column: str, *, lock: bool) -> Select[Any]:
    """Return the query for rows by `names`, in the order of their ids; `lock` locks them so."""
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
