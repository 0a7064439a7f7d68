"""The metadata of accounts: JSON, or null where an account has none."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_NAME = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_KEPT = (
    "id, number, owner_id, name, currency, created_at, moved_at, status, balance_minor, held_minor,"
    " floor_minor, line_count, daily_limit_minor, spent_day, spent_minor"
)


def upgrade() -> None:
    """Add the column."""
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        op.add_column("accounts", Column("metadata", Text))


def _make_anew() -> None:
    """Make the table again: a column that is added to one of SQLite reads differently."""
    op.drop_index("accounts_of", "accounts")
    op.rename_table("accounts", "accounts_before")
    op.create_table(
        "accounts",
        Column("id", _NAME, primary_key=True),
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
        Column("metadata", Text),
        CheckConstraint("balance_minor - held_minor >= floor_minor", name="not_below_its_floor"),
        CheckConstraint("held_minor >= 0", name="holds_nothing_negative"),
        UniqueConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    moved = f"SELECT {_KEPT} FROM accounts_before"  # noqa: S608 - names of this module
    op.execute(f"INSERT INTO accounts ({_KEPT}) {moved}")
    op.drop_table("accounts_before")
    op.create_index("accounts_of", "accounts", ["owner_id", "id"])


def _name(name: str) -> Column[str]:
    return Column(name, _NAME, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, _NUMBER, nullable=False)
