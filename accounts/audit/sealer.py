"""The sealer: carries what the stores saved into the audit log."""

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Any

from accounts.audit.log import AuditLog
from accounts.audit.records import record_of
from accounts.errors import Unavailable
from accounts.stores.base import Outbox

BATCH_MAX = 1_000

logger = logging.getLogger(__name__)


class Sealer:
    """Moves items from the outboxes to the log. What fails stays where it is and is tried again."""

    def __init__(self, log: AuditLog, outboxes: Sequence[Outbox[Any]]) -> None:
        self.log = log
        self._outboxes = outboxes
        self._lock = Lock()
        self.failing = False

    def seal(self) -> None:
        """Write everything that waits; a failure is logged once and shown by `failing`."""
        with self._lock:
            try:
                for outbox in self._outboxes:
                    self._drain(outbox)
            except (OSError, Unavailable):
                if not self.failing:
                    logger.exception("audit_log_unwritable")
                self.failing = True
            else:
                self.failing = False

    def _drain(self, outbox: Outbox[Any]) -> None:
        while items := outbox.unsealed(BATCH_MAX):
            self.log.append(record_of(item) for item in items)
            outbox.mark_sealed(items)
