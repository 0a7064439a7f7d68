"""Counters of rate limits in the bank's own database, shared by all processes."""

from time import time

from limits.storage import Storage
from sqlalchemy import TextClause, text

from accounts_bank.stores.sql.database import Database

PURGE_EVERY_S = 60

_COUNT = text(
    """
    INSERT INTO counters (name, count, ends_at_ms) VALUES (:name, :count, :ends_at_ms)
    ON CONFLICT (name) DO UPDATE SET
        count = excluded.count
            + CASE WHEN counters.ends_at_ms > :now_ms THEN counters.count ELSE 0 END,
        ends_at_ms = CASE WHEN counters.ends_at_ms > :now_ms
            THEN counters.ends_at_ms ELSE excluded.ends_at_ms END
    RETURNING count
    """
)
_READ = text("SELECT count, ends_at_ms FROM counters WHERE name = :name AND ends_at_ms > :now_ms")
_FORGET = text("DELETE FROM counters WHERE name = :name")
_FORGET_ALL = text("DELETE FROM counters")
_PURGE = text("DELETE FROM counters WHERE ends_at_ms <= :now_ms")


class SqlCounters(Storage):
    """Counts in windows; a window begins with its first count.

    Every method raises Unavailable if the database does not answer.
    """

    base_exceptions = ()

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._purge_at_s = 0.0

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        self._purge()
        now_ms = _now_ms()
        row = {"count": amount, "ends_at_ms": now_ms + expiry * 1000, "now_ms": now_ms}
        query = _COUNT.bindparams(name=key, **row)
        return self._database.write(lambda connection, _: connection.scalar(query) or 0)

    def get(self, key: str) -> int:
        return self._read(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._read(key)[1] / 1000

    def check(self) -> bool:
        """Return True: the other stores check that the database answers."""
        return True

    def clear(self, key: str) -> None:
        self._do(_FORGET.bindparams(name=key))

    def reset(self) -> None:
        self._do(_FORGET_ALL)

    def _read(self, key: str) -> tuple[int, int]:
        now_ms = _now_ms()
        rows = self._database.rows(_READ, name=key, now_ms=now_ms)
        return (rows[0].count, rows[0].ends_at_ms) if rows else (0, now_ms)

    def _purge(self) -> None:
        """Delete ended windows from time to time."""
        now_s = time()
        if now_s >= self._purge_at_s:
            self._purge_at_s = now_s + PURGE_EVERY_S
            self._do(_PURGE.bindparams(now_ms=_now_ms()))

    def _do(self, statement: TextClause) -> None:
        self._database.write(lambda connection, _: connection.execute(statement))


def _now_ms() -> int:
    return int(time() * 1000)
