"""The index of the feed of events. It begins empty: the first reader fills it from the journal."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

_NAME = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_KEY = ("number", "owner_id", "account_id", "type")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "feed",
        Column("number", _NUMBER, nullable=False),
        *(Column(name, _NAME, nullable=False) for name in (*_KEY[1:], "entry_id")),
        PrimaryKeyConstraint(*_KEY),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("feed_of", "feed", ["owner_id", "number", "account_id", "type"])
