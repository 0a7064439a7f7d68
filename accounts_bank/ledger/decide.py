"""`decide`: the one place where an entry becomes an outcome. Pure, so it can be run again.

A store loads what `needs` names, hands it to `decide` and saves the changes, all in one of its own
transactions. Entries of a batch are decided in order, each seeing what those before it did; their
outcomes are independent, but for those of a bulk: see `BulkMode`.
"""

from collections.abc import Callable, Sequence
from copy import copy
from itertools import islice
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import astuple, replace

from accounts_bank.ledger.actions import Bulk, BulkMode, Transfer
from accounts_bank.ledger.entries import Changes, Entry, Outcome, Recorded, Snapshot, recorded_as
from accounts_bank.ledger.rules import RULES, Effect, Refusal, Verdict
from accounts_bank.ledger.rules.checks import NOT_THE_CALLERS
from accounts_bank.ledger.values import (
    Account,
    Customer,
    EntryRef,
    Line,
    Progress,
    Status,
)

Decide = Callable[[Snapshot, Sequence[Entry]], Changes]
Value = TypeVar("Value")

_RECORDED = Status.RECORDED


def decide(snapshot: Snapshot, entries: Sequence[Entry]) -> Changes:
    """Decide a batch of entries on what was loaded for them; changes nothing itself.

    `snapshot` must hold everything that exists of what `needs(entries)` names.

    :raises ValueError: a bulk is not followed by as many transfers of its own as it says.
    """
    draft = _Draft(
        dict(snapshot.accounts),
        dict(snapshot.customers),
        dict(snapshot.entries),
        dict(snapshot.progress),
    )
    outcomes: list[Outcome] = []
    waiting = iter(entries)
    for entry in waiting:
        if isinstance(entry.action, Bulk):
            parts = list(islice(waiting, entry.action.count))
            outcomes += _settled_bulk(draft, entry, entry.action, parts)
        else:
            outcomes.append(draft.settle(entry))
    return Changes(
        outcomes=outcomes,
        accounts=[
            each
            for name, each in draft.accounts.items()
            if name == each.id and snapshot.accounts.get(name) is not each
        ],
        customers=_changed(draft.customers, snapshot.customers),
        recorded=_changed(draft.entries, snapshot.entries),
        progress=_changed(draft.progress, snapshot.progress),
        entry_refs=draft.entry_refs,
    )


class _Draft(Struct):
    """The books as they would be after the entries decided so far."""

    accounts: dict[str, Account]
    customers: dict[str, Customer]
    entries: dict[str, Recorded]
    progress: dict[str, Progress]
    entry_refs: list[EntryRef] = []

    def settle(self, entry: Entry) -> Outcome:
        prior = self.entries.get(entry.id)
        if prior is None:
            action = entry.action
            verdict = RULES[type(action)](self, entry, action)
            # Within a bulk it has its place; by itself it is answered like what was never there.
            if verdict is NOT_THE_CALLERS and _bulk_of(entry) is None:
                return _refused(entry, Status.NOT_FOUND)
            return Outcome(self.record(entry, verdict))
        if prior.entry.action == entry.action:
            return Outcome(prior, replayed=True)
        return _refused(entry, Status.KEY_REUSED)

    def record(self, entry: Entry, verdict: Verdict) -> Recorded:
        kind = entry.kind
        if isinstance(verdict, Refusal):
            recorded = recorded_as(entry, verdict.status, entry.at, (), verdict.details)
        else:
            recorded = self._applied(entry, kind, verdict)
        if verdict.progress is not None:
            self.progress[verdict.progress.entry_id] = verdict.progress
        for of_id in verdict.entry_refs:
            self.entry_refs.append(EntryRef(of_id, kind, recorded.at, entry.id))
        self.entries[entry.id] = recorded
        return recorded

    def copied(self) -> "_Draft":
        """Give a draft that goes on from here and leaves this one as it is."""
        return _Draft(*map(copy, astuple(self)))

    def restore(self, before: "_Draft") -> None:
        """Go back to where a copy was made."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(before, name))

    def _applied(self, entry: Entry, kind: str, effect: Effect) -> Recorded:
        if effect.account is not None:
            account = effect.account
            self.accounts[account.id] = self.accounts[account.number] = account
        if effect.customer is not None:
            self.customers[effect.customer.id] = effect.customer
        entry_id, at, lines = entry.id, entry.at, []
        for posting in effect.postings:
            at = max(at, posting.account.moved_at)
        reference = getattr(entry.action, "reference", effect.reference)
        for posting in effect.postings:
            before, amount_minor = posting.account, posting.amount_minor
            balance_minor = before.balance_minor + amount_minor
            number = before.line_count + 1
            after = replace(before, balance_minor=balance_minor, line_count=number, moved_at=at)
            self.accounts[after.id] = self.accounts[after.number] = after
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


def _changed(now: dict[str, Value], before: dict[str, Value]) -> list[Value]:
    return [each for name, each in now.items() if before.get(name) is not each]


def _refused(entry: Entry, status: Status) -> Outcome:
    """Refuse an entry without a trace: it may be asked again."""
    return Outcome(Recorded(entry, status, entry.at))


def _settled_bulk(draft: _Draft, head: Entry, ask: Bulk, parts: list[Entry]) -> list[Outcome]:
    """Settle a bulk: its own entry, then its parts, as its mode says."""
    if len(parts) != ask.count or {*map(_bulk_of, parts)} - {head.id}:
        raise ValueError(f"bulk {head.id} is not followed by its {ask.count} transfers")
    begun = draft.entries.get(head.id)
    if begun is not None and begun.entry.action != ask:
        return [_refused(each, Status.KEY_REUSED) for each in (head, *parts)]
    if ask.mode is BulkMode.ATOMIC:
        if begun is None:
            return _all_or_none(draft, head, parts)
        return [_retold(draft, each) for each in (head, *parts)]
    if ask.mode is BulkMode.EACH:
        return [draft.settle(each) for each in (head, *parts)]
    outcomes = [draft.settle(head)]
    for part in parts:
        stops = outcomes[-1].status is not _RECORDED
        outcomes.append(_refused(part, Status.BULK_STOPPED) if stops else draft.settle(part))
    return outcomes


def _all_or_none(draft: _Draft, head: Entry, parts: list[Entry]) -> list[Outcome]:
    """Settle all of an atomic bulk; where one is refused, only that and the bulk's end stay."""
    before, outcomes = draft.copied(), [draft.settle(head)]
    for index, part in enumerate(parts):
        outcome = draft.settle(part)
        if outcome.status is not Status.RECORDED:
            draft.restore(before)
            draft.record(head, Refusal(Status.BULK_ABORTED, (("index", index),)))
            if outcome.status is not Status.KEY_REUSED:
                draft.record(part, Refusal(outcome.status, outcome.recorded.details))
            return [Outcome(_retold(draft, each).recorded) for each in (head, *parts)]
        outcomes.append(outcome)
    return outcomes


def _retold(draft: _Draft, entry: Entry) -> Outcome:
    """Say again what became of an entry of an atomic bulk: those not kept were not tried."""
    if entry.id in draft.entries:
        return draft.settle(entry)
    return _refused(entry, Status.BULK_ABORTED)


def _bulk_of(part: Entry) -> str | None:
    return part.action.bulk_id if isinstance(part.action, Transfer) else None
