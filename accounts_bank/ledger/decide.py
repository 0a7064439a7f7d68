"""`decide`: the one place where entries become outcomes. It is pure, so that a store may retry it.

A store loads what `needs` names, calls `decide` and saves the changes, all in one transaction. The
entries of a batch are decided in their order, and each one sees the effects of the earlier ones.
Their outcomes are independent; only within a bulk `BulkMode` says otherwise.
"""

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from itertools import islice
from typing import TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    Action,
    AskApproval,
    Bulk,
    BulkMode,
    GrantApproval,
    Transfer,
)
from accounts_bank.ledger.books import Books, NotAskedFor
from accounts_bank.ledger.checks import NOT_THE_CALLERS
from accounts_bank.ledger.entries import (
    Changes,
    Entry,
    Needs,
    Outcome,
    Recorded,
    Snapshot,
    has_random_id,
    needs,
    recorded_as,
)
from accounts_bank.ledger.values import Account, EntryRef, Line, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

Decide = Callable[[Snapshot, Sequence[Entry]], Changes]
Value = TypeVar("Value")

_RECORDED = Status.RECORDED


def decide(snapshot: Snapshot, entries: Sequence[Entry]) -> Changes:
    """Decide a batch of entries and return the changes to save.

    :param snapshot: every value that exists of the names in `needs(entries)`; it is not changed.
    :raises ValueError: a bulk is not followed by its own transfers, as many as it says, or a grant
        not by the action that it grants.
    :raises NotAskedFor: a rule reads or changes a name that its action does not declare.
    """
    draft = _Draft(snapshot, partial(needs, entries))
    outcomes: list[Outcome] = []
    remaining = iter(entries)
    for entry in remaining:
        if isinstance(entry.action, Bulk):
            parts = list(islice(remaining, entry.action.count))
            outcomes += _settle_bulk(draft, entry, entry.action, parts)
        elif isinstance(entry.action, GrantApproval):
            outcomes += _settle_grant(draft, entry, entry.action, next(remaining, None))
        else:
            outcomes.append(draft.settle(entry))
    return draft.changes(snapshot, outcomes)


class _Draft(Books):
    """The books after the entries that are decided so far."""

    _shelves = ("_accounts", "_customers", "_entries", "_progress", "_entry_refs")

    def __init__(self, snapshot: Snapshot, asked: Callable[[], Needs]) -> None:
        super().__init__(snapshot, asked)
        self._entry_refs: list[EntryRef] = []

    def settle(self, entry: Entry) -> Outcome:
        """Decide one entry. An entry that is recorded already gets its first outcome."""
        prior = self._entries.get(entry.id)
        if prior is None:
            verdict = entry.action.decide(self, entry)
            # A part of a bulk keeps its place; alone it leaves no trace of the account it named.
            if verdict is NOT_THE_CALLERS and _bulk_id(entry) is None:
                return _refused(entry, Status.NOT_FOUND)
            if isinstance(verdict, Refusal) and not _keeps_refusal(entry, verdict):
                return _refused(entry, verdict.status, verdict.details)
            return Outcome(self.record(entry, verdict))
        if _is_same(prior.entry.action, entry.action):
            return Outcome(prior, replayed=True)
        return _refused(entry, Status.KEY_REUSED)

    def settle_part(self, entry: Entry) -> Outcome:
        """Settle an entry of an atomic bulk that was decided; a part without a trace is aborted."""
        if entry.id in self._entries:
            return self.settle(entry)
        return _refused(entry, Status.BULK_ABORTED)

    def find(self, entry: Entry) -> Recorded | None:
        """Return the recorded entry with the same id."""
        return self._entries.get(entry.id)

    def record(self, entry: Entry, verdict: Verdict) -> Recorded:
        """Record an entry and apply its verdict."""
        kind = entry.kind
        if isinstance(verdict, Refusal):
            recorded = recorded_as(entry, verdict.status, entry.at, (), verdict.details)
        else:
            recorded = self._apply(entry, kind, verdict)
        if verdict.progress is not None:
            progress_id = verdict.progress.entry_id
            if progress_id not in self._progress and progress_id != entry.id:
                self._check("progress", progress_id)
            self._progress[progress_id] = verdict.progress
        for of_id in verdict.entry_refs:
            self._entry_refs.append(EntryRef(of_id, kind, recorded.at, entry.id))
        self._entries[entry.id] = recorded
        return recorded

    def copy_shelves(self) -> dict[str, object]:
        """Return a copy of the present state, to `restore` later."""
        return {name: copy(getattr(self, name)) for name in self._shelves}

    def restore(self, shelves: dict[str, object]) -> None:
        """Return to the state of a copy."""
        for name, shelf in shelves.items():
            setattr(self, name, shelf)

    def changes(self, snapshot: Snapshot, outcomes: list[Outcome]) -> Changes:
        """Return the values that are new or differ from those of a snapshot."""
        known = snapshot.accounts
        return Changes(
            outcomes=outcomes,
            accounts=[
                each
                for name, each in self._accounts.items()
                if name == each.id and known.get(name) is not each
            ],
            customers=_changed(self._customers, snapshot.customers),
            recorded=_changed(self._entries, snapshot.entries),
            progress=_changed(self._progress, snapshot.progress),
            entry_refs=self._entry_refs,
        )

    def _check_known(self, account: Account) -> None:
        """Refuse to create an account that the action does not declare: it may exist already."""
        names = account.id, account.number
        if self._accounts.keys().isdisjoint(names) and not any(
            self._was_asked("accounts", each) for each in names
        ):
            raise NotAskedFor(f"The action does not declare that it touches account {account.id}.")

    def _set(self, account: Account) -> None:
        self._check_known(account)
        self._accounts[account.id] = self._accounts[account.number] = account

    def _apply(self, entry: Entry, kind: str, effect: Effect) -> Recorded:
        if effect.account is not None:
            self._set(effect.account)
        if effect.budget is not None:
            self._set(effect.budget)
        if effect.customer is not None:
            if effect.customer.id not in self._customers:
                self._check("customers", effect.customer.id)
            self._customers[effect.customer.id] = effect.customer
        accounts, entry_id, at, lines = self._accounts, entry.id, entry.at, []
        for posting in effect.postings:
            at = max(at, posting.account.moved_at)
        reference = getattr(entry.action, "reference", effect.reference)
        for posting in effect.postings:
            before, amount_minor = posting.account, posting.amount_minor
            balance_minor = before.balance_minor + amount_minor
            number = before.line_count + 1
            after = replace(before, balance_minor=balance_minor, line_count=number, moved_at=at)
            if after.id not in accounts:
                self._check_known(after)
            accounts[after.id] = accounts[after.number] = after
            line = Line(
                account_id=after.id,
                number=number,
                entry_id=entry_id,
                kind=kind,
                amount_minor=amount_minor,
                balance_minor=balance_minor,
                counterparty=posting.counterparty,
                reference=reference,
                at=at,
            )
            lines.append(line)
        return recorded_as(entry, _RECORDED, at, tuple(lines), ())


def _is_same(one: Action, other: Action) -> bool:
    """Return whether an action is a retry of another, also if another key or a person makes it."""
    return one == other or _without_key(one) == _without_key(other)


def _without_key(action: Action) -> Action:
    return action if getattr(action, "key", UNSET) is UNSET else replace(action, key=UNSET)


def _changed(now: dict[str, Value], before: dict[str, Value]) -> list[Value]:
    return [each for name, each in now.items() if before.get(name) is not each]


def _refused(entry: Entry, status: Status, details: tuple[tuple[str, int], ...] = ()) -> Outcome:
    """Refuse an entry without a trace: the same id may come again."""
    return Outcome(Recorded(entry, status, entry.at, (), details))


def _keeps_refusal(entry: Entry, refusal: Refusal) -> bool:
    """Tell whether a refusal leaves a row.

    A caller may send a key again, so the refusal of an entry with a key is journaled. An entry
    without a key has a random id, which no request repeats.
    """
    changes = refusal.progress is not None or refusal.entry_refs
    return bool(changes) or not has_random_id(_bulk_id(entry) or entry.id)


def _settle_bulk(draft: _Draft, head: Entry, bulk: Bulk, parts: list[Entry]) -> list[Outcome]:
    """Settle a bulk: its own entry, then its parts, as its mode says."""
    if len(parts) != bulk.count or {*map(_bulk_id, parts)} - {head.id}:
        raise ValueError(f"bulk {head.id} is not followed by its {bulk.count} transfers")
    prior = draft.find(head)
    if prior is not None and prior.entry.action != bulk:
        return [_refused(each, Status.KEY_REUSED) for each in (head, *parts)]
    if bulk.mode is BulkMode.ATOMIC:
        if prior is None:
            return _settle_atomic(draft, head, parts)
        return [draft.settle_part(each) for each in (head, *parts)]
    if bulk.mode is BulkMode.EACH:
        return [draft.settle(each) for each in (head, *parts)]
    outcomes = [draft.settle(head)]
    for part in parts:
        stops = outcomes[-1].status is not _RECORDED
        outcomes.append(_refused(part, Status.BULK_STOPPED) if stops else draft.settle(part))
    return outcomes


def _settle_atomic(draft: _Draft, head: Entry, parts: list[Entry]) -> list[Outcome]:
    """Settle an atomic bulk. A refused part undoes the others; it and the bulk stay recorded."""
    before, outcomes = draft.copy_shelves(), [draft.settle(head)]
    for index, part in enumerate(parts):
        outcome = draft.settle(part)
        if outcome.status is not Status.RECORDED:
            draft.restore(before)
            aborted = Refusal(Status.BULK_ABORTED, (("index", index),))
            if not _keeps_refusal(head, aborted):
                untried = [_refused(each, Status.BULK_ABORTED) for each in parts]
                untried[index] = _refused(part, outcome.status, outcome.recorded.details)
                return [_refused(head, aborted.status, aborted.details), *untried]
            draft.record(head, aborted)
            if outcome.status is not Status.KEY_REUSED:
                draft.record(part, Refusal(outcome.status, outcome.recorded.details))
            return [Outcome(draft.settle_part(each).recorded) for each in (head, *parts)]
        outcomes.append(outcome)
    return outcomes


def _settle_grant(
    draft: _Draft, head: Entry, grant: GrantApproval, part: Entry | None
) -> list[Outcome]:
    """Settle a grant and the action that it grants: both are recorded, or the grant is refused."""
    asked = draft.entry(grant.approval_id)
    ask = asked.entry.action if asked is not None else None
    if part is None or (isinstance(ask, AskApproval) and ask.action != part.action):
        raise ValueError(f"grant {head.id} is not followed by the action that it grants")
    before, is_known = draft.copy_shelves(), draft.find(head) is not None
    outcome = draft.settle(head)
    if is_known or outcome.status is not _RECORDED:
        return [outcome, draft.settle_part(part)]
    granted = draft.settle(part)
    if granted.status is not _RECORDED:
        draft.restore(before)
        refusal = Refusal(granted.status, granted.recorded.details)
        if not _keeps_refusal(head, refusal):
            refused = _refused(head, refusal.status, refusal.details)
            return [refused, draft.settle_part(part)]
        draft.record(head, refusal)
        return [Outcome(draft.settle_part(each).recorded) for each in (head, part)]
    return [outcome, granted]


def _bulk_id(part: Entry) -> str | None:
    return part.action.bulk_id if isinstance(part.action, Transfer) else None
