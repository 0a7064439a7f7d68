"""Compare the rows that are derived from the journal with the journal.

Entry references list an entry under a customer or an earlier entry. Progress has a payer and a due
time. Both are read in the order of their entries' ids. The owner of an account and a recorded
entry never change, so the check loads them in batches while it reads.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TypeVar

from msgspec import UNSET

from accounts_bank.ledger.actions import (
    AskApproval,
    CancelSchedule,
    Capture,
    Deposit,
    Expire,
    GrantApproval,
    Hold,
    RefuseApproval,
    Reversal,
    Schedule,
    Transfer,
    Void,
    Withdrawal,
)
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.integrity.checksums import NOT_A_RUN
from accounts_bank.ledger.refs import listed_under
from accounts_bank.ledger.values import BANK_ID, Account, EntryRef, Progress, Stage, Status

BATCH_MAX = 1_000

Item = TypeVar("Item")


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Split items into lists of at most `BATCH_MAX`."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH_MAX)):
        yield batch


class EntryRefs:
    """Reads entry references in step with the entries, both in the order of the entries' ids."""

    def __init__(self, entry_refs: Iterator[EntryRef]) -> None:
        self._entry_refs = entry_refs
        self.next = next(entry_refs, None)

    def up_to(self, entry_id: str) -> list[EntryRef]:
        """Return the next references, up to those of the entry with this id."""
        found = []
        while self.next is not None and self.next.entry_id <= entry_id:
            found.append(self.next)
            self.next = next(self._entry_refs, None)
        return found


class DerivedCheck:
    """Passes entries and progress through, and keeps the first difference as `fault`.

    :param load: reads accounts and entries by their names.
    :param entry_refs: all references, in the order of their entries' ids.
    """

    def __init__(self, load: Callable[[Needs], Snapshot], entry_refs: Iterator[EntryRef]) -> None:
        self._load = load
        self._entry_refs = EntryRefs(entry_refs)
        self.fault: str | None = None

    def entries(self, entries: Iterable[Recorded]) -> Iterator[Recorded]:
        """Compare entries with their references."""
        for batch in batches(entries):
            self._compare_entry_refs(batch)
            yield from batch
        if self._entry_refs.next is not None:
            self._report(_misplaced(self._entry_refs.next, "which is not in the journal"))

    def progress(self, progress: Iterable[Progress]) -> Iterator[Progress]:
        """Compare progress with its entries."""
        for batch in batches(progress):
            ids = frozenset(each.entry_id for each in batch)
            payers = frozenset(each.account_id for each in batch)
            loaded = self._load(Needs(payers, entries=ids))
            for each in batch:
                recorded = loaded.entries.get(each.entry_id)
                if recorded is not None:
                    self._compare_progress(each, recorded, loaded.accounts.get(each.account_id))
                yield each

    def _compare_entry_refs(self, batch: list[Recorded]) -> None:
        found = Counter(self._entry_refs.up_to(batch[-1].entry.id))
        names = frozenset(name for each in batch for name in _parties(each))
        accounts = self._load(Needs(names)).accounts if names else {}
        wanted = Counter(
            entry_ref for each in batch for entry_ref in _entry_refs_of(each, accounts)
        )
        for entry_ref in [*(wanted - found), *(found - wanted)]:
            self._report(_misplaced(entry_ref, "and the journal differs"))

    def _compare_progress(
        self, progress: Progress, recorded: Recorded, payer: Account | None
    ) -> None:
        name = f"{progress.kind} {progress.entry_id}"
        if isinstance(recorded.entry.action, AskApproval):
            if recorded.entry.action.subject != progress.account_id:
                self._report(f"{name}: it is not about {progress.account_id}")
        elif payer is None or _payer(recorded) not in {payer.id, payer.number}:
            self._report(f"{name}: account {progress.account_id} does not pay for it")
        due_at = _due_at(progress, recorded)
        if progress.due_at != due_at:
            self._report(f"{name}: it is due {progress.due_at}, and the journal says {due_at}")

    def _report(self, fault: str) -> None:
        self.fault = self.fault or fault


def _misplaced(entry_ref: EntryRef, why: str) -> str:
    return f"{entry_ref.kind} {entry_ref.entry_id} is mentioned under {entry_ref.of_id}, {why}"


def _parties(recorded: Recorded) -> Iterable[str]:
    """Return the accounts of the customers under which an entry is listed."""
    action = recorded.entry.action
    if recorded.status is not Status.RECORDED:
        return ()
    if isinstance(action, Deposit | Transfer | Withdrawal):
        return [line.account_id for line in recorded.lines]
    if isinstance(action, Hold):
        return action.from_account, action.to_account
    return (action.from_account,) if isinstance(action, Schedule) else ()


def _earlier_entry(recorded: Recorded) -> str | None:
    """Return the id of the earlier entry, or of the bank, under which an entry is listed."""
    action = recorded.entry.action
    if isinstance(action, Transfer):
        return None if recorded.status in NOT_A_RUN else action.schedule_id
    if recorded.status is not Status.RECORDED:
        return None
    match action:
        case Capture(hold_id=earlier) | Void(hold_id=earlier) | Expire(hold_id=earlier):
            return earlier
        case Reversal(transfer_id=earlier) | CancelSchedule(schedule_id=earlier):
            return earlier
        case GrantApproval(approval_id=earlier) | RefuseApproval(approval_id=earlier):
            return earlier
        case _:
            return BANK_ID if isinstance(action, AskApproval) else None


def _entry_refs_of(recorded: Recorded, accounts: Mapping[str, Account]) -> Iterator[EntryRef]:
    named = {accounts[name].owner_id for name in _parties(recorded) if name in accounts}
    metadata = getattr(recorded.entry.action, "metadata", UNSET)
    listed = listed_under(tuple(named - {BANK_ID}), metadata)
    for of_id in {*listed, _earlier_entry(recorded)} - {None}:
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
