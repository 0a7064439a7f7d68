"""The stores on SQL: SQLite by the standard library, PostgreSQL by psycopg; SQLAlchemy Core."""

from accounts.stores.sql.accounts import SqlAccountStore
from accounts.stores.sql.counters import SqlCounters
from accounts.stores.sql.database import Database, restoring, upgrade
from accounts.stores.sql.users import SqlUserStore

__all__ = ["Database", "SqlAccountStore", "SqlCounters", "SqlUserStore", "restoring", "upgrade"]
