"""Whether sealing works: each outage is logged once when it begins, and once when it is over."""

import logging
from contextlib import suppress

from accounts_bank.errors import NotDecided

logger = logging.getLogger("accounts_bank.audit.sealer")


class SealingHealth:
    """Tells an outage of the store from a failure of the audit log."""

    def __init__(self) -> None:
        self.is_log_failing = False
        self._is_store_away = False

    def failed(self, error: Exception) -> None:
        """Record a failure; a lack of memory for the line itself raises nothing."""
        with suppress(MemoryError):
            if isinstance(error, NotDecided):
                self._store_is_away(error)
            else:
                self._log_is_failing(error)

    def succeeded(self) -> None:
        """Record that sealing works."""
        if self._is_store_away:
            logger.info("sealing_resumed")
        if self.is_log_failing:
            logger.info("audit_log_writable")
        self._is_store_away = self.is_log_failing = False

    def _store_is_away(self, error: NotDecided) -> None:
        if not self._is_store_away:
            logger.warning("sealing_postponed", extra={"context": {"reason": error.detail}})
        self._is_store_away = True

    def _log_is_failing(self, error: Exception) -> None:
        if not self.is_log_failing:
            logger.error("audit_log_unwritable", exc_info=error)
        self.is_log_failing = True
