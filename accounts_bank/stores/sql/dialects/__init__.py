"""The two SQL databases, behind one contract: `Dialect`."""

from accounts_bank.stores.sql.dialects.base import Dialect, Lookup
from accounts_bank.stores.sql.dialects.postgresql import PostgresqlDialect
from accounts_bank.stores.sql.dialects.sqlite import SqliteDialect

__all__ = ["Dialect", "Lookup", "PostgresqlDialect", "SqliteDialect"]
