"""The skeletons of usernames. The sessions end, since tokens of earlier versions open nothing."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects import postgresql

from accounts_bank.stores.databases.skeletons import first_of_each

revision = "0003"
down_revision = "0002"

_NAME = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_KEPT = (
    "id, username_key, username, full_name, password_hash, created_at, role, version, deleted_at"
)


def upgrade() -> None:
    """Add the column, fill it, and make it unique."""
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        op.add_column("users", Column("skeleton", _NAME))
        op.execute("UPDATE users SET sessions = '[]'")
    _fill()
    op.create_index("look_alikes", "users", ["skeleton"], unique=True)


def _make_anew() -> None:
    """Make the table again: a column that is added to one of SQLite reads differently."""
    op.rename_table("users", "users_before")
    op.create_table(
        "users",
        Column("id", _NAME, primary_key=True),
        Column("username_key", _NAME),
        Column("username", Text, nullable=False),
        Column("full_name", Text),
        Column("password_hash", Text, nullable=False),
        Column("created_at", _NUMBER, nullable=False),
        Column("role", _NAME, nullable=False),
        Column("sessions", Text, nullable=False),
        Column("version", _NUMBER, nullable=False),
        Column("deleted_at", _NUMBER),
        Column("skeleton", _NAME),
        UniqueConstraint("username_key"),
        sqlite_strict=True,
    )
    moved = f"SELECT {_KEPT}, '[]' FROM users_before"  # noqa: S608 - names of this module
    op.execute(f"INSERT INTO users ({_KEPT}, sessions) {moved}")
    op.drop_table("users_before")


def _fill() -> None:
    connection = op.get_bind()
    query = "SELECT id, username FROM users WHERE deleted_at IS NULL ORDER BY id"
    named = [(row.id, row.username) for row in connection.execute(text(query))]
    change = text("UPDATE users SET skeleton = :skeleton WHERE id = :id")
    for user_id, skeleton in first_of_each(named):
        connection.execute(change, {"id": user_id, "skeleton": skeleton})
