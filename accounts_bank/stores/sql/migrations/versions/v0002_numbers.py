"""The numbers of the journal, the events of users for good, and one outbox for both.

`accounts upgrade` fills the numbers afterwards, in the same transaction.
"""

from typing import Any

import msgspec
from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_NAME = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and move what waits in the two outboxes."""
    _table(
        "events",
        Column("id", _NAME, primary_key=True),
        _name("kind"),
        _number("at"),
        *(Column(each, _NAME) for each in ("user_id", "actor_id")),
    )
    _table(
        "unsealed",
        Column("place", _NUMBER, primary_key=True, autoincrement=True),
        *(_name(each) for each in ("id", "kind")),
        UniqueConstraint("id"),
    )
    _table(
        "journal",
        Column("number", _NUMBER, primary_key=True, autoincrement=False),
        *(_name(each) for each in ("id", "kind", "hash")),
        UniqueConstraint("id"),
    )
    _table(
        "bank",
        Column("id", _NAME, primary_key=True),
        _number("number"),
        _name("hash"),
        _number("inherited"),
    )
    _table("cursors", Column("reader", _NAME, primary_key=True), _number("number"))
    _move()
    op.drop_table("unsealed_entries")
    op.drop_table("unsealed_events")


def _move() -> None:
    """Move the waiting items in their order: entries, then events."""
    connection = op.get_bind()
    query = """
        SELECT u.entry_id, e.action FROM unsealed_entries u JOIN entries e ON e.id = u.entry_id
        ORDER BY u.place"""
    add = text("INSERT INTO unsealed (id, kind) VALUES (:id, :kind)")
    for entry_id, action in connection.execute(text(query)).all():
        kind = msgspec.json.decode(action)["type"]
        connection.execute(add, {"id": entry_id, "kind": kind})
    names = "id, kind, at, user_id, actor_id"
    op.execute(f"INSERT INTO events ({names}) SELECT {names} FROM unsealed_events")  # noqa: S608
    op.execute(
        "INSERT INTO unsealed (id, kind) SELECT id, kind FROM unsealed_events ORDER BY place"
    )


def _table(name: str, *parts: Any) -> None:
    op.create_table(name, *parts, sqlite_strict=True)


def _name(name: str) -> Column[str]:
    return Column(name, _NAME, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, _NUMBER, nullable=False)
