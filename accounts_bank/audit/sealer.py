"""The sealer: carries what the stores saved into the audit log."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, Lock, Thread
from time import sleep
from typing import Any

from accounts_bank.audit.log import AuditLog
from accounts_bank.audit.records import record_of
from accounts_bank.concurrency.greenlets import run_in_thread
from accounts_bank.errors import Unavailable
from accounts_bank.stores.base import Outbox

BATCH_MAX = 1_000
GATHER_S = 0.002
"""How long a busy bank gathers before it seals what has come together."""
AT_ONCE_MAX = 100
"""How many items of one caller are sealed before it is answered: it is not kept for a bulk."""
TRY_AGAIN_S = 0.5
"""How long after a failure it is tried again, whether anything new is saved or not."""
LOOK_S = 0.3
"""How long until it is looked for what others saved who do not seal, or died before they did."""

logger = logging.getLogger(__name__)


class Sealer:
    """Moves items from the outboxes to the log. What fails stays where it is and is tried again."""

    def __init__(
        self,
        log: AuditLog | None,
        outboxes: Sequence[Outbox[Any]],
        in_background: Callable[[], bool],
        *,
        gather_s: float = GATHER_S,
        look_s: float | None = None,
    ) -> None:
        """Start. Without a log nothing is sealed here: another bank on the same stores does it.

        `in_background` says whether whoever saved something now goes on without waiting, `gather_s`
        how long things come together before they are sealed in the background, and `look_s` how
        often it is looked for what others saved.
        """
        self._log = log
        self.failing = False
        self._outboxes = outboxes
        self._in_background = in_background
        self._gather_s = gather_s
        self._look_s = look_s
        self._lock = Lock()
        self._wake = Event()
        self._closed = False
        self._thread = Thread(target=self._run, name="sealer", daemon=True)
        self._thread.start()
        self._wake.set()  # for what an earlier process left

    @property
    def log(self) -> AuditLog:
        """The audit log.

        :raises Unavailable: another bank writes it.
        """
        if self._log is None:
            raise Unavailable("Another bank writes the audit log: ask that one.")
        return self._log

    def saved(self, count: int = 1) -> None:
        """Take note that so many items were saved.

        A caller who is alone has it in the log on return, unless it is very much; a busy bank seals
        several at a time, as soon as they have come together.
        """
        if count <= AT_ONCE_MAX and not self._in_background():
            run_in_thread(self.seal)  # which waits for a disk, and for whoever else writes
        elif not self._wake.is_set():
            self._wake.set()

    def seal(self, *, all_of_it: bool = True) -> None:
        """Write everything that waits, or what of it is for this process.

        A failure is logged once and shown by `failing`.
        """
        if self._log is None:
            return
        with self._lock:
            try:
                self._drain(all_of_it=all_of_it)
            except Exception:  # whatever it is: what waits is kept, and whoever asked is answered
                if not self.failing:
                    logger.exception("audit_log_unwritable")
                self.failing = True
            else:
                self.failing = False

    def waiting(self) -> tuple[int, datetime | None]:
        """Say how many items wait, counted to a bound, and since when the oldest does.

        :raises Unavailable: a store cannot be reached.
        """
        items = [item for outbox in self._outboxes for item in outbox.unsealed(BATCH_MAX)]
        return len(items), min((item.at for item in items), default=None)

    def close(self) -> None:
        """Seal what waits, and let go of the log."""
        self._closed = True
        self._wake.set()
        self._thread.join()
        self.seal()
        if self._log:
            self._log.close()

    def _run(self) -> None:
        while not self._closed:
            if self._wake.wait(TRY_AGAIN_S if self.failing else self._look_s):
                sleep(self._gather_s)
            self._wake.clear()
            self.seal(all_of_it=False)

    def _drain(self, *, all_of_it: bool) -> None:
        """Empty the outboxes into the log, which lets one process at a time do so.

        Where one ended between the log and an outbox, what it wrote is given again: it is known by
        its id among the last lines, and not written twice. So all are emptied then: the log counts
        as settled only when none of them can hold what it has already.
        """
        with self.log.writing() as (append, is_settled):
            for outbox in self._outboxes:
                read = outbox.unsealed if all_of_it or not is_settled else outbox.own_unsealed
                items = read(BATCH_MAX)
                while items:
                    append(record_of(item) for item in items)
                    outbox.mark_sealed(items)
                    items = read(BATCH_MAX) if len(items) > BATCH_MAX // 2 else ()
