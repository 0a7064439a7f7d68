"""The stores on SQL: SQLite by the standard library, PostgreSQL by psycopg; SQLAlchemy Core."""

from accounts_bank.stores.sql.accounts import SqlAccountStore
from accounts_bank.stores.sql.counters import SqlCounters
from accounts_bank.stores.sql.database import Database, restoring, upgrade
from accounts_bank.stores.sql.users import SqlUserStore

__all__ = ["Database", "SqlAccountStore", "SqlCounters", "SqlUserStore", "restoring", "upgrade"]
