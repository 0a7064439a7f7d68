"""Damage: once a database says that it is corrupt, the stores on it do nothing more.

Writes on a corrupt database make the damage larger, and reads may be wrong. The bank is not ready
then, and an operator restores a backup (docs/operations.md).
"""

import logging
from threading import Lock

from accounts_bank.errors import Damaged
from accounts_bank.observability.observer import Observer

logger = logging.getLogger(__name__)


class Damage:
    """Keeps the first fault of one database, for all stores of this process."""

    def __init__(self, observer: Observer) -> None:
        """Begin without a fault; report the gauge `store_damaged`."""
        self._lock = Lock()
        self._error: Damaged | None = None
        observer.add_gauges(lambda: {"store_damaged": self._error is not None})

    def check(self) -> None:
        """Return while no fault is known.

        :raises Damaged: a fault is known.
        """
        if self._error is not None:
            raise Damaged(self._error.detail)

    def keep(self, error: Damaged) -> None:
        """Keep the first fault, and log it once at ERROR."""
        with self._lock:
            if self._error is None:
                self._error = error
                logger.error("database_damaged", extra={"context": {"reason": error.detail}})
