"""The sealer: numbers what the stores saved, and writes it into the audit log of this host."""

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from time import monotonic

from msgspec import Struct

from accounts_bank.audit.background import SealingThread
from accounts_bank.audit.comparison import reader_of
from accounts_bank.audit.health import SealingHealth
from accounts_bank.audit.log import AuditLog
from accounts_bank.concurrency.greenlets import run_in_thread
from accounts_bank.stores.base import Journal, Sealed

BATCH_MAX = 1_000
SYNCHRONOUS_MAX = 100
"""The most items sealed before the caller continues; the sealer's thread seals a bulk."""
HEAD_LOGGED_S = 60
"""The pause between two log lines that tell the head, so that other hosts hold it."""

logger = logging.getLogger(__name__)


class Pace(Struct, frozen=True):
    """How often a bank is sealed.

    :param batch_delay_s: the time for which a busy bank gathers items before it seals them.
    :param poll_s: the pause between two looks for items of other processes, and at the log.
    """

    batch_delay_s: float
    poll_s: float


MEMORY_PACE = Pace(batch_delay_s=0.002, poll_s=1.0)


class Sealer:
    """Seals the items of one bank. Items that fail stay and are tried again."""

    def __init__(
        self,
        journal: Journal,
        log: AuditLog | None,
        in_background: Callable[[], bool],
        pace: Pace = MEMORY_PACE,
        thread: SealingThread | None = None,
    ) -> None:
        """Start.

        :param log: None where this process writes no log; it numbers items all the same.
        :param in_background: tells whether a caller continues before its items are sealed.
        :param thread: seals in the background, for many banks; without it each caller seals its
            items itself.
        """
        self.journal = journal
        self._log = log
        self._health = SealingHealth()
        self._in_background = in_background
        self.batch_delay_s, self.poll_s = pace.batch_delay_s, pace.poll_s
        self._numbering, self._writing = Lock(), Lock()
        self._head_logged_s, self._logged = -float(HEAD_LOGGED_S), -1
        self._thread, self._closed = thread, False
        self.on_numbered: Callable[[], None] = lambda: None
        """Called after items got numbers in this process."""
        if thread:
            thread.add(self)

    @property
    def failing(self) -> bool:
        """Whether the audit log cannot be written."""
        return self._health.is_log_failing

    def notify(self, count: int = 1) -> None:
        """Seal the `count` items that a write saved, or wake the sealer to do it.

        A single caller finds its items in the log on return, up to `SYNCHRONOUS_MAX` of them. A
        busy bank seals in the background.
        """
        if self._thread is None or (count <= SYNCHRONOUS_MAX and not self._in_background()):
            run_in_thread(self.seal)  # it waits for the disk and for other writers
        else:
            self._thread.wake(self)

    def seal(self) -> None:
        """Give numbers to all waiting items, and write the audit log up to the last number.

        The log tells each outage of the store or of the audit log once, and its end once.
        """
        try:
            self.number()
            self._write()
            self._tell_head()
        except Exception as error:  # noqa: BLE001 - the items stay, and the caller gets its answer
            self._health.failed(error)
        else:
            self._health.succeeded()

    def number(self) -> None:
        """Give numbers to all waiting items.

        :raises Unavailable: the store does not answer.
        """
        with self._numbering:
            count = last = self.journal.seal(BATCH_MAX)
            while last == BATCH_MAX:
                last = self.journal.seal(BATCH_MAX)
        if count:
            self.on_numbered()

    def trail(self, after: int, limit: int) -> list[Sealed]:
        """Return at most `limit` items with numbers above `after`, up to this moment's last one.

        :raises Unavailable: the store does not answer.
        """
        self.number()
        return self.journal.sealed_after(after, limit)

    @property
    def log(self) -> AuditLog | None:
        """The audit log of this process; None where it writes none."""
        return self._log

    def backlog(self) -> tuple[int, datetime | None]:
        """Count the items that are not in the audit log, up to a bound; with the oldest one's time.

        :raises Unavailable: the store does not answer.
        """
        count, since = self.journal.backlog(BATCH_MAX)
        if self._log is None:
            return count, since
        last = self._log.last_number
        unwritten = self.journal.head().number - last
        if unwritten > 0:
            since = self.journal.sealed_after(last, 1)[0].item.at
        return min(count + max(unwritten, 0), BATCH_MAX), since

    def close(self) -> None:
        """Seal the waiting items and close the log; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._thread:
            self._thread.remove(self)
        self.seal()
        if self._log:
            self._log.close()

    def _write(self) -> None:
        """Write the log up to the last number, one process at a time; then move its cursor."""
        if self._log is None:
            return
        with self._writing, self._log.writing() as (head, append):
            last = head.number
            while items := self.journal.sealed_after(last, BATCH_MAX):
                append(items)
                last = items[-1].number
            if last > head.number:
                self.journal.advance(reader_of(head), last)

    def _tell_head(self) -> None:
        """Log the head of the journal once a minute, if it moved."""
        if monotonic() - self._head_logged_s < HEAD_LOGGED_S:
            return
        head = self.journal.head()
        if head.number != self._logged:
            fields = {"bank_id": self.journal.bank_id, "number": head.number, "hash": head.hash}
            logger.info("journal_head", extra={"context": fields})
        self._head_logged_s, self._logged = monotonic(), head.number
