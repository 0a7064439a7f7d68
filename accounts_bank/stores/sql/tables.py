"""The tables, and the form of values in them.

Times are microseconds since 1970 (UTC) in a bigint. Ids and names are compared byte by byte.
Sessions and actions are JSON: no query looks inside.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql

from accounts_bank.identity import ApiKey, Session
from accounts_bank.ledger.actions import Action
from accounts_bank.ledger.values import Metadata
from accounts_bank.stores.databases.timestamps import microseconds, moment

Name = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Count = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows only in a column of type INTEGER."""


class Moment(TypeDecorator[datetime]):
    """A time, as microseconds since 1970."""

    impl = BigInteger().with_variant(Integer, "sqlite")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


class Json(TypeDecorator[Any]):
    """A value of a known type, as JSON text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value, type=self.kind)


METADATA = MetaData()


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(name, METADATA, *parts, sqlite_strict=True, **options)


ACCOUNTS = _table(
    "accounts",
    Column("id", Name, primary_key=True),
    Column("number", Name, nullable=False, unique=True),
    Column("owner_id", Name, nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Name, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("moved_at", Moment, nullable=False),
    Column("status", Name, nullable=False),
    Column("balance_minor", Count, nullable=False),
    Column("held_minor", Count, nullable=False),
    Column("floor_minor", Count),
    Column("line_count", Count, nullable=False),
    Column("daily_limit_minor", Count),
    Column("spent_day", Count, nullable=False),
    Column("spent_minor", Count, nullable=False),
    Column("metadata", Json(Metadata)),
    CheckConstraint("balance_minor - held_minor >= floor_minor", name="not_below_its_floor"),
    CheckConstraint("held_minor >= 0", name="holds_nothing_negative"),
    Index("accounts_of", "owner_id", "id"),
    # Free room in each page: an update within its page leaves the indexes alone.
    postgresql_with={"fillfactor": 80},
    sqlite_with_rowid=False,  # a lookup reads one tree instead of two
)

CUSTOMERS = _table(
    "customers",
    Column("id", Name, primary_key=True),
    Column("open_accounts", Count, nullable=False),
    Column("left", Boolean().with_variant(Integer, "sqlite"), nullable=False),
    CheckConstraint("open_accounts >= 0", name="counts_no_less_than_none"),
)

ENTRIES = _table(
    "entries",
    Column("id", Name, primary_key=True),
    Column("caller_id", Name, nullable=False),
    Column("at", Moment, nullable=False),
    Column("action", Json(Action), nullable=False),
    Column("till", Count, nullable=False),
    Column("status", Name, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("details", Json(tuple[tuple[str, int], ...]), nullable=False),
    Column("digest", Name, nullable=False),
)

LINES = _table(
    "lines",
    Column("account_id", Name, primary_key=True),
    Column("number", Count, primary_key=True),
    Column("entry_id", Name, nullable=False),
    Column("posting", Count, nullable=False),
    Column("kind", Name, nullable=False),
    Column("amount_minor", Count, nullable=False),
    Column("balance_minor", Count, nullable=False),
    Column("counterparty", Name),
    Column("reference", Text),
    Column("at", Moment, nullable=False),
    UniqueConstraint("entry_id", "posting", name="postings_of_an_entry"),
)

ENTRY_REFS = _table(
    "mentions",
    Column("of_id", Name, primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("entry_id", Name, primary_key=True),
    sqlite_with_rowid=False,  # every column is in the key: a rowid table would hold it twice
)

_DUE_AT = Column("due_at", Moment)
PROGRESS = _table(
    "progress",
    Column("entry_id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("account_id", Name, nullable=False),
    Column("amount_minor", Count, nullable=False),
    Column("stage", Name, nullable=False),
    Column("done_minor", Count, nullable=False),
    Column("done_count", Count, nullable=False),
    _DUE_AT,
    CheckConstraint("done_minor >= 0 AND done_count >= 0", name="goes_forward"),
    Index(
        "due",
        _DUE_AT,
        "entry_id",
        postgresql_where=_DUE_AT.is_not(None),
        sqlite_where=_DUE_AT.is_not(None),
    ),
)

USERS = _table(
    "users",
    Column("id", Name, primary_key=True),
    Column("username_key", Name, unique=True),
    Column("username", Text, nullable=False),
    Column("full_name", Text),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("role", Name, nullable=False),
    Column("sessions", Json(tuple[Session, ...]), nullable=False),
    Column("version", Count, nullable=False),
    Column("deleted_at", Moment),
    Column("skeleton", Name),
    Column("api_keys", Json(tuple[ApiKey, ...]), nullable=False),
    Index("look_alikes", "skeleton", unique=True),
)

KEY_OWNERS = _table(
    "key_owners",
    Column("hash", Name, primary_key=True),
    Column("user_id", Name, nullable=False),
    sqlite_with_rowid=False,
)
"""The users by the hashes of their keys."""

EVENTS = _table(
    "events",
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("at", Moment, nullable=False),
    Column("user_id", Name),
    Column("actor_id", Name),
)

UNSEALED = _table(
    "unsealed",
    Column("place", Count, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    Column("kind", Name, nullable=False),
)

JOURNAL = _table(
    "journal",
    Column("number", Count, primary_key=True, autoincrement=False),
    Column("id", Name, nullable=False, unique=True),
    Column("kind", Name, nullable=False),
    Column("hash", Name, nullable=False),
)

BANK = _table(
    "bank",
    Column("id", Name, primary_key=True),
    Column("number", Count, nullable=False),
    Column("hash", Name, nullable=False),
    Column("inherited", Count, nullable=False),
)
"""One row: the id of the bank, and the head of its journal."""
HEAD = [BANK.c.number, BANK.c.hash, BANK.c.inherited]

FEED = _table(
    "feed",
    Column("number", Count, primary_key=True, autoincrement=False),
    Column("owner_id", Name, primary_key=True),
    Column("account_id", Name, primary_key=True),
    Column("type", Name, primary_key=True),
    Column("entry_id", Name, nullable=False),
    Index("feed_of", "owner_id", "number", "account_id", "type"),
    sqlite_with_rowid=False,
)

CURSORS = _table(
    "cursors",
    Column("reader", Name, primary_key=True),
    Column("number", Count, nullable=False),
)

COUNTERS = _table(
    "counters",
    Column("name", Name, primary_key=True),
    Column("count", Count, nullable=False),
    Column("ends_at_ms", Count, nullable=False),
    Index("over", "ends_at_ms"),
)
