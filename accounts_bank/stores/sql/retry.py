"""Tries of one transaction: after an error it is tried again, or given up.

    error of the database or of the network      -> again until the deadline, then Unavailable
    conflict with another transaction            -> the same
    unique key or check violated                 -> again a few times (a race), then as it is
    any other error                              -> as it is, at once: a mistake of this program

An error that is raised as it is becomes a 500 with its trace. Unavailable becomes a 503, which
promises the caller that the same request may be sent again.
"""

import random
import sqlite3
from time import monotonic, sleep

from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from accounts_bank.errors import Unavailable
from accounts_bank.observability.observer import Observer

DEADLINE_S = 5.0
PAUSE_MIN_S, PAUSE_MAX_S = 0.002, 0.1
RACES_MAX = 4
"""Tries after which a violated key is no race any more but a mistake."""

RETRIED = (OperationalError, InterfaceError, InternalError, IntegrityError, PoolTimeout)
"""The errors that a retry or an operator may cure. Any other one is a mistake of this program."""

_CONFLICTS = frozenset({"40001", "40P01", "55P03"})
"""serialization_failure, deadlock_detected, lock_not_available (PostgreSQL, appendix A)."""
_ABORTED = "25P02"
"""in_failed_sql_transaction: a statement after a failed one, which no retry cures."""


class Tries:
    """Counts the tries of one transaction.

    `is_unsure` says that an earlier try may have been committed: its connection broke off.
    """

    def __init__(self, observer: Observer) -> None:
        """Begin; the deadline runs from now."""
        self._observer = observer
        self._deadline_s = monotonic() + DEADLINE_S
        self._pause_s = PAUSE_MIN_S
        self._races = 0
        self.is_unsure = False

    def again(self, error: SQLAlchemyError) -> None:
        """Return after a pause where another try may succeed.

        :raises Unavailable: the database does not answer.
        :raises SQLAlchemyError: `error` itself, which is a mistake of this program.
        """
        if not isinstance(error, RETRIED):
            raise error
        if isinstance(error, IntegrityError):
            self._races += 1
        if _is_mistake(error, self._races) and not self.is_unsure:
            raise error
        if not _may_pass(error) or monotonic() + self._pause_s > self._deadline_s:
            raise Unavailable(f"The store does not answer: {kind_of(error)}.") from error
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        self.is_unsure = self.is_unsure or lost
        self._observer.transaction_retried()
        sleep(random.uniform(0, self._pause_s))  # noqa: S311 - jitter against a second collision
        self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)


def kind_of(error: SQLAlchemyError) -> str:
    """Return the name of the driver's error."""
    return type(error.orig if isinstance(error, DBAPIError) and error.orig else error).__name__


def _is_mistake(error: SQLAlchemyError, races: int) -> bool:
    """Return whether no retry and no operator can cure an error."""
    if isinstance(error, IntegrityError):
        return races >= RACES_MAX
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.Error):  # an unknown table or column, a broken JSON text
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return getattr(cause, "sqlstate", None) == _ABORTED


def _may_pass(error: SQLAlchemyError) -> bool:
    """Return whether the same may succeed a moment later."""
    if isinstance(error, IntegrityError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    is_busy = code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    in_the_way = is_busy or getattr(error.orig, "sqlstate", None) in _CONFLICTS
    return bool(in_the_way or error.connection_invalidated)
