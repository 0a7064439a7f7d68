"""The keys for programs."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, UniqueConstraint
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_NAME = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_KEPT = (
    "id, username_key, username, full_name, password_hash, created_at, role, sessions, version, "
    "deleted_at, skeleton"
)


def upgrade() -> None:
    """Add the keys to the users, and their hashes as a table."""
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        op.add_column("users", Column("api_keys", Text, nullable=False, server_default="[]"))
        op.alter_column("users", "api_keys", server_default=None)
    op.create_table(
        "key_owners",
        Column("hash", _NAME, primary_key=True),
        Column("user_id", _NAME, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_anew() -> None:
    """Make the table again: a column that is added to one of SQLite reads differently."""
    op.drop_index("look_alikes", "users")
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
        Column("api_keys", Text, nullable=False),
        UniqueConstraint("username_key"),
        sqlite_strict=True,
    )
    moved = f"SELECT {_KEPT}, '[]' FROM users_before"  # noqa: S608 - names of this module
    op.execute(f"INSERT INTO users ({_KEPT}, api_keys) {moved}")
    op.drop_table("users_before")
    op.create_index("look_alikes", "users", ["skeleton"], unique=True)
