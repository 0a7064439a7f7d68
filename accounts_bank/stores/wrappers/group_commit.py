"""Group commit: entries that callers append at the same moment share one commit.

A commit costs about the same for one entry as for a hundred.

    caller A    append --> [A] leads: commit A ------> A returns; wakes B as the next leader
    caller B       append --> waits ................. leads: commit B, C ---> B returns; wakes C
    caller C          append --> waits ............................................. C returns
                             |<-- queue: [B, C] -->|

After a commit of several callers the next leader gathers: it waits for as long as those callers
need to come back. Otherwise busy clients would fall into two halves, each of which commits while
the other one is answered, and twice as many commits would be made.

Invariants:

1. At most one caller leads at a time: `_is_writing` is set from its arrival to its end.
2. A caller that finds no leader leads at once, so a caller alone never waits for another.
3. A leader wakes the first waiting caller before it returns, so the queue never stands still.
4. The entries of one append are in one commit, in their order; the queue is first in, first out.
5. The queue holds `WAITING_MAX` entries at most; a caller beyond them gets Unavailable.
6. An entry that fails for a reason of its own fails only its caller: the batch is tried in halves.
7. If the store is unavailable, the whole batch gets that error and nothing is tried again.

Single accounts are read together as well, because each payment reads the owner of its account.
"""

from collections import deque
from collections.abc import Sequence
from time import monotonic

from accounts_bank.concurrency.coalescing import Coalescer
from accounts_bank.concurrency.greenlets import InlineLock, Waiter
from accounts_bank.errors import NotDecided, Unavailable
from accounts_bank.ledger.entries import Entry, Needs, Outcome, Snapshot
from accounts_bank.ledger.values import Account
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore
from accounts_bank.stores.wrappers.base import DelegatingAccountStore

WAITING_MAX = 50_000
BATCH_MAX = 1_000
"""In entries; the append that passes this bound is not divided."""
GATHER_S, GATHER_MAX_S = 0.0007, 0.02
"""The time to wait for each caller of the last commit, and the most for all of them."""


class _PendingAppend:
    """The entries of one caller, and later their outcomes or an error."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.outcomes: list[Outcome] | None = None
        self.error: Exception | None = None
        self.waiter = Waiter()

    @property
    def is_done(self) -> bool:
        return self.outcomes is not None or self.error is not None


class GroupCommit(DelegatingAccountStore):
    """Wraps a store; threads that append at the same moment share a commit."""

    def __init__(self, store: AccountStore, observer: Observer | None = None) -> None:
        super().__init__(store)
        self._observer = observer or Observer()
        self._observer.add_gauges(lambda: {"commit_waiting_entries": self._waiting_entries})
        self._lock = InlineLock()
        self._is_writing = False
        self._accounts = Coalescer(self._load_accounts)
        self._waiting: deque[_PendingAppend] = deque()
        self._waiting_entries = 0
        self._last_callers, self._gather_until_s = 0, 0.0
        self._gathering: Waiter | None = None
        self._gather_count = 0

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        own = _PendingAppend(entries)
        if not self._leads(own):
            own.waiter.wait()  # for the outcomes, or for its turn to lead
        if not own.is_done:
            self._lead(own)
        if own.error is not None:
            raise own.error
        return own.outcomes or []

    def _leads(self, own: _PendingAppend) -> bool:
        """Join the queue; return whether this caller leads.

        :raises Unavailable: the queue is full.
        """
        with self._lock:
            if self._waiting_entries + len(own.entries) > WAITING_MAX:
                raise Unavailable("Too many entries wait for the store.")
            self._waiting.append(own)
            self._waiting_entries += len(own.entries)
            leads, self._is_writing = not self._is_writing, True
            if self._gathering and len(self._waiting) >= self._gather_count:
                self._gathering.call()
                self._gathering = None
        return leads

    def _lead(self, own: _PendingAppend) -> None:
        """Commit the queue, then wake its callers and the next leader."""
        self._gather()
        batch = self._next_batch()
        try:
            self._write(batch)
        finally:
            with self._lock:
                self._is_writing = bool(self._waiting)
                following = self._waiting[0] if self._waiting else None
                self._last_callers = len(batch)
                gather_s = min(len(batch) * GATHER_S, GATHER_MAX_S)
                self._gather_until_s = monotonic() + gather_s
            for each in batch:
                if each is not own:
                    each.waiter.call()
            if following:
                following.waiter.call()

    def _gather(self) -> None:
        """Wait until the callers of the last commit are back, or until their time is up."""
        with self._lock:
            left_s = self._gather_until_s - monotonic()
            # One of the last callers may be the leader itself.
            self._gather_count = self._last_callers + len(self._waiting) - 1
            if left_s <= 0 or len(self._waiting) >= self._gather_count:
                return
            self._gathering = all_back = Waiter()
        all_back.wait(left_s)
        with self._lock:
            self._gathering = None

    def _next_batch(self) -> list[_PendingAppend]:
        batch, count = [], 0
        with self._lock:
            while self._waiting and count < BATCH_MAX:
                batch.append(self._waiting.popleft())
                count += len(batch[-1].entries)
            self._waiting_entries -= count
        return batch

    def _write(self, batch: list[_PendingAppend]) -> None:
        """Commit a batch; after an error that is not an outage, commit its halves."""
        try:
            outcomes = iter(self._store.append([entry for each in batch for entry in each.entries]))
        except NotDecided as error:
            for each in batch:
                each.error = error
        except Exception as error:  # noqa: BLE001 - raised by the caller of the entries
            if len(batch) == 1:
                batch[0].error = error
                return
            self._write(batch[: len(batch) // 2])
            self._write(batch[len(batch) // 2 :])
        else:
            self._observer.entries_committed(sum(len(each.entries) for each in batch))
            for each in batch:
                each.outcomes = [next(outcomes) for _ in each.entries]

    def load(self, needs: Needs) -> Snapshot:
        if len(needs.accounts) == 1 and needs == Needs(accounts=needs.accounts):
            return Snapshot(accounts=self._accounts.get_many(needs.accounts))
        return self._store.load(needs)

    def _load_accounts(self, names: list[str]) -> dict[str, Account]:
        return self._store.load(Needs(accounts=frozenset(names))).accounts
