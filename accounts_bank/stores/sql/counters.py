"""Counters of rate limits in the bank's own database, shared by all processes.

The time is the database's: the system's clock of a process may jump.
"""

from time import monotonic
from typing import Any

from limits.storage import Storage
from sqlalchemy import TextClause, text

from accounts_bank.stores.sql.database import Database

PURGE_EVERY_S = 60

_COUNT = """
    INSERT INTO counters (name, count, ends_at_ms) VALUES (:name, :count, {now} + :expiry_ms)
    ON CONFLICT (name) DO UPDATE SET
        count = excluded.count
            + CASE WHEN counters.ends_at_ms > {now} THEN counters.count ELSE 0 END,
        ends_at_ms = CASE WHEN counters.ends_at_ms > {now}
            THEN counters.ends_at_ms ELSE excluded.ends_at_ms END
    RETURNING count
    """
_READ = """
    SELECT count, ends_at_ms - {now} AS left_ms FROM counters
    WHERE name = :name AND ends_at_ms > {now}
    """
_PURGE = "DELETE FROM counters WHERE ends_at_ms <= {now}"
_FORGET = text("DELETE FROM counters WHERE name = :name")
_FORGET_ALL = text("DELETE FROM counters")


class SqlCounters(Storage):
    """Counts in windows; a window begins with its first count.

    Every method raises Unavailable if the database does not answer.
    """

    base_exceptions = ()

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._purge_at_s = 0.0
        self._count, self._left, self._over = (
            text(each.format(now=database.dialect.now_ms)) for each in (_COUNT, _READ, _PURGE)
        )

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        self._purge()
        row = self._timed(name=key, count=amount, expiry_ms=expiry * 1000)
        return self._database.write(
            lambda connection, _: connection.scalar(self._count, row) or 0,
        )

    def get(self, key: str) -> int:
        return self._read(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return the end of a window, in seconds of `time.monotonic`."""
        return monotonic() + self._read(key)[1] / 1000

    def check(self) -> bool:
        """Return True: the other stores check that the database answers."""
        return True

    def clear(self, key: str) -> None:
        self._do(_FORGET, {"name": key})

    def reset(self) -> None:
        self._do(_FORGET_ALL, {})

    def _timed(self, **parameters: Any) -> dict[str, Any]:
        return parameters | self._database.dialect.now_parameters()

    def _read(self, key: str) -> tuple[int, int]:
        rows = self._database.rows(self._left, **self._timed(name=key))
        return (rows[0].count, rows[0].left_ms) if rows else (0, 0)

    def _purge(self) -> None:
        """Delete ended windows from time to time."""
        now_s = monotonic()
        if now_s >= self._purge_at_s:
            self._purge_at_s = now_s + PURGE_EVERY_S
            self._do(self._over, self._timed())

    def _do(self, statement: TextClause, parameters: dict[str, Any]) -> None:
        self._database.write(lambda connection, _: connection.execute(statement, parameters))
