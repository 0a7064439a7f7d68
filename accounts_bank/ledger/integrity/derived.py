"""What is kept beside the journal follows from it: mentions, and whose and when due progress is.

Both come in the order of their entries' ids. What an entry names is looked up, many at once: whose
an account is never changes, and neither does an entry.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TypeVar

from accounts_bank.ledger.actions import (
    CancelSchedule,
    Capture,
    Expire,
    Hold,
    Reversal,
    Schedule,
    Transfer,
    Void,
)
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.integrity.checksums import NO_RUNS
from accounts_bank.ledger.values import Account, EntryRef, Progress, Stage, Status

AT_ONCE = 1_000

Item = TypeVar("Item")


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Give items many at once."""
    iterator = iter(items)
    while batch := list(islice(iterator, AT_ONCE)):
        yield batch


class EntryRefs:
    """EntryRefs in the order of their entries' ids, to be taken as far as the entries are."""

    def __init__(self, entry_refs: Iterator[EntryRef]) -> None:
        self._entry_refs = entry_refs
        self.next = next(entry_refs, None)

    def up_to(self, entry_id: str) -> list[EntryRef]:
        """Take those of the entries whose ids are not above this one."""
        found = []
        while self.next is not None and self.next.entry_id <= entry_id:
            found.append(self.next)
            self.next = next(self._entry_refs, None)
        return found


class DerivedCheck:
    """Passes entries and progress on, and remembers the first thing that differs."""

    def __init__(self, load: Callable[[Needs], Snapshot], entry_refs: Iterator[EntryRef]) -> None:
        self._load = load
        self._entry_refs = EntryRefs(entry_refs)
        self.fault: str | None = None

    def entries(self, entries: Iterable[Recorded]) -> Iterator[Recorded]:
        """Compare entries with the mentions of them."""
        for batch in batches(entries):
            self._compare_entry_refs(batch)
            yield from batch
        if self._entry_refs.next is not None:
            self._found(_misplaced(self._entry_refs.next, "which is not in the journal"))

    def progress(self, progress: Iterable[Progress]) -> Iterator[Progress]:
        """Compare progress with the entries that it is of."""
        for batch in batches(progress):
            ids = frozenset(each.entry_id for each in batch)
            kept = self._load(Needs(frozenset(each.account_id for each in batch), entries=ids))
            for each in batch:
                recorded = kept.entries.get(each.entry_id)
                if recorded is not None:
                    self._compare_progress(each, recorded, kept.accounts.get(each.account_id))
                yield each

    def _compare_entry_refs(self, batch: list[Recorded]) -> None:
        found = Counter(self._entry_refs.up_to(batch[-1].entry.id))
        names = frozenset(name for each in batch for name in _parties(each))
        accounts = self._load(Needs(names)).accounts if names else {}
        due = Counter(entry_ref for each in batch for entry_ref in _entry_refs_of(each, accounts))
        for entry_ref in [*(due - found), *(found - due)]:
            self._found(_misplaced(entry_ref, "and the journal says otherwise"))

    def _compare_progress(
        self, progress: Progress, recorded: Recorded, payer: Account | None
    ) -> None:
        name, named = f"{progress.kind} {progress.entry_id}", _payer(recorded)
        if payer is None or named not in {payer.id, payer.number}:
            self._found(f"{name}: account {progress.account_id} does not pay for it")
        due_at = _due_at(progress, recorded)
        if progress.due_at != due_at:
            self._found(f"{name}: it is due {progress.due_at}, and the journal says {due_at}")

    def _found(self, fault: str) -> None:
        self.fault = self.fault or fault


def _misplaced(entry_ref: EntryRef, why: str) -> str:
    return f"{entry_ref.kind} {entry_ref.entry_id} is mentioned under {entry_ref.of_id}, {why}"


def _parties(recorded: Recorded) -> Iterable[str]:
    """Name the accounts whose owners find an entry."""
    action = recorded.entry.action
    if recorded.status is not Status.RECORDED:
        return ()
    if isinstance(action, Transfer):
        return [line.account_id for line in recorded.lines]
    if isinstance(action, Hold):
        return action.from_account, action.to_account
    return (action.from_account,) if isinstance(action, Schedule) else ()


def _about(recorded: Recorded) -> str | None:
    """Name the earlier entry under which an entry is found."""
    action = recorded.entry.action
    if isinstance(action, Transfer):
        return None if recorded.status in NO_RUNS else action.schedule_id
    if recorded.status is not Status.RECORDED:
        return None
    match action:
        case Capture(hold_id=about) | Void(hold_id=about) | Expire(hold_id=about):
            return about
        case Reversal(transfer_id=about) | CancelSchedule(schedule_id=about):
            return about
        case _:
            return None


def _entry_refs_of(recorded: Recorded, accounts: Mapping[str, Account]) -> Iterator[EntryRef]:
    owners = [accounts[name].owner_id for name in _parties(recorded) if name in accounts]
    for of_id in {*owners, _about(recorded)} - {None}:
        yield EntryRef(str(of_id), recorded.entry.kind, recorded.at, recorded.entry.id)


def _payer(recorded: Recorded) -> str | None:
    action = recorded.entry.action
    return action.from_account if isinstance(action, (Hold, Schedule, Transfer)) else None


def _due_at(progress: Progress, recorded: Recorded) -> datetime | None:
    action = recorded.entry.action
    if progress.stage is Stage.OPEN and isinstance(action, Hold):
        return action.expires_at(recorded.entry.at)
    if progress.stage is Stage.OPEN and isinstance(action, Schedule):
        return action.time_of_run(progress.done_count)
    return None
