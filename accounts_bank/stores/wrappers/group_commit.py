"""Group commit: what is asked at the same moment is decided and saved in one commit.

A commit costs about the same for one entry as for a hundred. Whoever finds nobody writing writes at
once, so nobody waits who is alone; whoever comes meanwhile is written by the next one.

Where several were told by the last commit, those are given as long as it takes to answer them: busy
clients come back at once. Else they would fall into two halves, each writing while the other one is
answered, and twice as many commits would be made.

Single accounts are read together as well: each payment begins with asking whose an account is.
"""

from collections import deque
from collections.abc import Sequence
from time import monotonic

from accounts_bank.concurrency.coalescing import Coalescer
from accounts_bank.concurrency.greenlets import InlineLock, Waiter
from accounts_bank.errors import Unavailable
from accounts_bank.ledger.entries import Entry, Needs, Outcome, Snapshot
from accounts_bank.ledger.values import Account
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore
from accounts_bank.stores.wrappers.base import DelegatingAccountStore

WAITING_MAX = 50_000
BATCH_MAX = 1_000
"""In entries; the last caller's are never divided."""
GATHER_S, GATHER_MAX_S = 0.0007, 0.02
"""How long after a commit the next one waits for those who were told: for each, and in all."""


class _Turn:
    """What one caller asks, and what it is told."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.outcomes: list[Outcome] | None = None
        self.error: Exception | None = None
        self.called = Waiter()

    @property
    def is_over(self) -> bool:
        return self.outcomes is not None or self.error is not None


class GroupCommit(DelegatingAccountStore):
    """Wraps a store; several threads that append at once share a commit."""

    def __init__(self, store: AccountStore, observer: Observer | None = None) -> None:
        super().__init__(store)
        self._observer = observer or Observer()
        self._observer.add_gauges(lambda: {"commit_waiting_entries": self._waiting_entries})
        self._lock = InlineLock()
        self._is_writing = False
        self._accounts = Coalescer(self._load_accounts)
        self._waiting: deque[_Turn] = deque()
        self._waiting_entries = 0
        self._told, self._back_until_s = 0, 0.0
        self._gathering: Waiter | None = None
        self._enough = 0

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        turn = _Turn(entries)
        if not self._leads(turn):
            turn.called.wait()  # to be told, or to write for all who wait
        if not turn.is_over:
            self._lead(turn)
        if turn.error is not None:
            raise turn.error
        return turn.outcomes or []

    def _leads(self, turn: _Turn) -> bool:
        """Stand in the queue; say whether nobody writes, so that this one must."""
        with self._lock:
            if self._waiting_entries + len(turn.entries) > WAITING_MAX:
                raise Unavailable("Too many entries wait for the store.")
            self._waiting.append(turn)
            self._waiting_entries += len(turn.entries)
            leads, self._is_writing = not self._is_writing, True
            if self._gathering and len(self._waiting) >= self._enough:
                self._gathering.call()
                self._gathering = None
        return leads

    def _lead(self, own: _Turn) -> None:
        """Write for all who wait, then leave it to the first of those who came meanwhile."""
        self._gather()
        turns = self._next_turns()
        try:
            self._write(turns)
        finally:
            with self._lock:
                self._is_writing = bool(self._waiting)
                following = self._waiting[0] if self._waiting else None
                self._told = len(turns)
                self._back_until_s = monotonic() + min(self._told * GATHER_S, GATHER_MAX_S)
            for turn in turns:
                if turn is not own:
                    turn.called.call()
            if following:
                following.called.call()

    def _gather(self) -> None:
        """Wait for those who were told last, as long as they may be on their way."""
        with self._lock:
            left_s = self._back_until_s - monotonic()
            self._enough = self._told + len(self._waiting) - 1  # one of them may be who leads
            if left_s <= 0 or len(self._waiting) >= self._enough:
                return
            self._gathering = all_back = Waiter()
        all_back.wait(left_s)
        with self._lock:
            self._gathering = None

    def _next_turns(self) -> list[_Turn]:
        turns, count = [], 0
        with self._lock:
            while self._waiting and count < BATCH_MAX:
                turns.append(self._waiting.popleft())
                count += len(turns[-1].entries)
            self._waiting_entries -= count
        return turns

    def _write(self, turns: list[_Turn]) -> None:
        """Write turns together; where that fails for a reason of its own, in halves.

        So one bad entry fails nobody but who asked for it. A store that does not answer is not
        asked once more for each.
        """
        try:
            outcomes = iter(self._store.append([each for turn in turns for each in turn.entries]))
        except Unavailable as error:
            for turn in turns:
                turn.error = error
        except Exception as error:  # noqa: BLE001 - handed on to whoever asked
            if len(turns) == 1:
                turns[0].error = error
                return
            self._write(turns[: len(turns) // 2])
            self._write(turns[len(turns) // 2 :])
        else:
            self._observer.entries_committed(sum(len(turn.entries) for turn in turns))
            for turn in turns:
                turn.outcomes = [next(outcomes) for _ in turn.entries]

    def load(self, needs: Needs) -> Snapshot:
        if len(needs.accounts) == 1 and needs == Needs(accounts=needs.accounts):
            return Snapshot(accounts=self._accounts.of(needs.accounts))
        return self._store.load(needs)

    def _load_accounts(self, names: list[str]) -> dict[str, Account]:
        return self._store.load(Needs(accounts=frozenset(names))).accounts
