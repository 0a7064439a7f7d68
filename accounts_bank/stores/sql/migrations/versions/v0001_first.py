"""The first tables.

Names and ids are compared byte by byte; times are microseconds since 1970.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_NAME = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_FLAG = Boolean().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    _make_books()
    _make_journal()
    _make_progress()
    _make_users()
    _make_outboxes()
    _make_counters()


def _make_books() -> None:
    _table(
        "accounts",
        _key("id"),
        *(_name(each) for each in ("number", "owner_id")),
        Column("name", Text, nullable=False),
        _name("currency"),
        *(_number(each) for each in ("created_at", "moved_at")),
        _name("status"),
        *(_number(each) for each in ("balance_minor", "held_minor")),
        Column("floor_minor", _NUMBER),
        _number("line_count"),
        Column("daily_limit_minor", _NUMBER),
        *(_number(each) for each in ("spent_day", "spent_minor")),
        CheckConstraint("balance_minor - held_minor >= floor_minor", name="not_below_its_floor"),
        CheckConstraint("held_minor >= 0", name="holds_nothing_negative"),
        UniqueConstraint("number"),
        postgresql_with={"fillfactor": 80},
        sqlite_with_rowid=False,
    )
    op.create_index("accounts_of", "accounts", ["owner_id", "id"])
    _table(
        "customers",
        _key("id"),
        _number("open_accounts"),
        Column("left", _FLAG, nullable=False),
        CheckConstraint("open_accounts >= 0", name="counts_no_less_than_none"),
    )


def _make_journal() -> None:
    _table(
        "entries",
        _key("id"),
        _name("caller_id"),
        _number("at"),
        Column("action", Text, nullable=False),
        _number("till"),
        _name("status"),
        _number("recorded_at"),
        Column("details", Text, nullable=False),
        _name("digest"),
    )
    _table(
        "lines",
        _name("account_id"),
        _number("number"),
        _name("entry_id"),
        _number("posting"),
        _name("kind"),
        *(_number(each) for each in ("amount_minor", "balance_minor")),
        Column("counterparty", _NAME),
        Column("reference", Text),
        _number("at"),
        PrimaryKeyConstraint("account_id", "number"),
        UniqueConstraint("entry_id", "posting", name="postings_of_an_entry"),
    )
    names = ("of_id", "kind", "at", "entry_id")
    columns = [_number(each) if each == "at" else _name(each) for each in names]
    _table("mentions", *columns, PrimaryKeyConstraint(*names), sqlite_with_rowid=False)


def _make_progress() -> None:
    _table(
        "progress",
        _key("entry_id"),
        *(_name(each) for each in ("kind", "account_id")),
        _number("amount_minor"),
        _name("stage"),
        *(_number(each) for each in ("done_minor", "done_count")),
        Column("due_at", _NUMBER),
        CheckConstraint("done_minor >= 0 AND done_count >= 0", name="goes_forward"),
    )
    is_due = text("due_at IS NOT NULL")
    op.create_index(
        "due", "progress", ["due_at", "entry_id"], postgresql_where=is_due, sqlite_where=is_due
    )


def _make_users() -> None:
    _table(
        "users",
        _key("id"),
        Column("username_key", _NAME),
        Column("username", Text, nullable=False),
        Column("full_name", Text),
        Column("password_hash", Text, nullable=False),
        _number("created_at"),
        _name("role"),
        Column("sessions", Text, nullable=False),
        _number("version"),
        Column("deleted_at", _NUMBER),
        UniqueConstraint("username_key"),
    )


def _make_outboxes() -> None:
    _table(
        "unsealed_entries",
        Column("place", _NUMBER, primary_key=True, autoincrement=True),
        _name("entry_id"),
        UniqueConstraint("entry_id"),
    )
    _table(
        "unsealed_events",
        Column("place", _NUMBER, primary_key=True, autoincrement=True),
        *(_name(each) for each in ("id", "kind")),
        _number("at"),
        *(Column(each, _NAME) for each in ("user_id", "actor_id")),
        UniqueConstraint("id"),
    )


def _make_counters() -> None:
    _table("counters", _key("name"), *(_number(each) for each in ("count", "ends_at_ms")))
    op.create_index("over", "counters", ["ends_at_ms"])


def _table(name: str, *parts: Any, **options: Any) -> None:
    op.create_table(name, *parts, sqlite_strict=True, **options)


def _key(name: str) -> Column[str]:
    return Column(name, _NAME, primary_key=True)


def _name(name: str) -> Column[str]:
    return Column(name, _NAME, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, _NUMBER, nullable=False)
