"""The sealer: writes saved entries and events from the stores into the audit log."""

from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, Lock, Thread
from time import sleep
from typing import Any

from accounts_bank.audit.health import SealingHealth
from accounts_bank.audit.log import AuditLog
from accounts_bank.audit.memory_log import MemoryLog
from accounts_bank.audit.records import record_of
from accounts_bank.concurrency.greenlets import run_in_thread
from accounts_bank.errors import Unavailable
from accounts_bank.stores.base import Outbox

BATCH_MAX = 1_000
BATCH_DELAY_S = 0.002
"""The time for which a busy bank gathers items before it seals them."""
SYNCHRONOUS_MAX = 100
"""The most items sealed before the caller continues; the sealer's thread seals a bulk."""
RETRY_S = 0.5
"""The pause before another try after a failure."""
POLL_S = 0.3
"""The pause between two polls for items of processes that do not seal, or that were killed."""


class Sealer:
    """Moves items from the outboxes to the log. Items that fail stay and are tried again."""

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        log: AuditLog | MemoryLog | None,
        outboxes: Sequence[Outbox[Any]],
        in_background: Callable[[], bool],
        *,
        batch_delay_s: float = BATCH_DELAY_S,
        poll_s: float | None = None,
        has_thread: bool = True,
    ) -> None:
        """Start. Without a log nothing is sealed here: another bank on the same stores does it.

        `in_background` tells whether a caller continues before its items are sealed.
        `batch_delay_s` is the time, in seconds, for which items gather in the background. `poll_s`
        is the pause between two polls for items of other processes; None never polls. Without
        `has_thread` each caller seals its items itself.
        """
        self._log = log
        self._health = SealingHealth()
        self._outboxes = outboxes
        self._in_background = in_background
        self._gather_s = batch_delay_s
        self._look_s = poll_s
        self._lock = Lock()
        self._wake = Event()
        self._closed = False
        self._has_thread = has_thread
        self._thread = Thread(target=self._run, name="sealer", daemon=True)
        if has_thread:
            self._thread.start()
        self._wake.set()  # for items that an earlier process left

    @property
    def failing(self) -> bool:
        """Whether the audit log cannot be written."""
        return self._health.is_log_failing

    @property
    def log(self) -> AuditLog | MemoryLog:
        """The audit log.

        :raises Unavailable: another bank writes it.
        """
        if self._log is None:
            raise Unavailable("Another bank writes the audit log: send the request to that bank.")
        return self._log

    def notify(self, count: int = 1) -> None:
        """Seal the `count` items that a write saved, or wake the sealer to do it.

        A single caller finds its items in the log on return, up to `SYNCHRONOUS_MAX` of them. A
        busy bank seals in the background.
        """
        if not self._has_thread or (count <= SYNCHRONOUS_MAX and not self._in_background()):
            run_in_thread(self.seal)  # it waits for the disk and for other writers
        elif not self._wake.is_set():
            self._wake.set()

    def seal(self, *, foreign: bool = True) -> None:
        """Seal all waiting items, or without `foreign` the items of this process.

        The log tells each outage of the store or of the audit log once, and its end once.
        """
        if self._log is None:
            return
        with self._lock:
            try:
                self._drain(foreign=foreign)
            except Exception as error:  # noqa: BLE001 - the items stay, and the caller gets its answer
                self._health.failed(error)
            else:
                self._health.succeeded()

    def backlog(self) -> tuple[int, datetime | None]:
        """Return the number of waiting items, up to a bound, and the time of the oldest.

        :raises Unavailable: a store cannot be reached.
        """
        items = [item for outbox in self._outboxes for item in outbox.unsealed(BATCH_MAX)]
        return len(items), min((item.at for item in items), default=None)

    def close(self) -> None:
        """Seal the waiting items and close the log."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self.seal()
        if self._log:
            self._log.close()

    def _run(self) -> None:
        while not self._closed:
            if self._wake.wait(RETRY_S if self.failing else self._look_s):
                sleep(self._gather_s)
            self._wake.clear()
            self.seal(foreign=False)

    def _drain(self, *, foreign: bool) -> None:
        """Move the items of the outboxes into the log, one process at a time.

        A process can end after it wrote the log and before it marked the outbox. The next one gets
        the same items again; the log skips ids of its last lines. An unsettled log therefore has
        all outboxes emptied, so that none still holds a written item.
        """
        with self.log.writing() as (append, is_settled):
            for outbox in self._outboxes:
                read = outbox.unsealed if foreign or not is_settled else outbox.own_unsealed
                items = read(BATCH_MAX)
                while items:
                    append(record_of(item) for item in items)
                    outbox.mark_sealed(items)
                    items = read(BATCH_MAX) if len(items) > BATCH_MAX // 2 else ()
