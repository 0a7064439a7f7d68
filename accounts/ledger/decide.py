"""`decide`: the one place where an entry becomes an outcome. Pure, so it can be run again.

A store loads what `needs` names, hands it to `decide` and saves the changes, all in one of its own
transactions. Entries of a batch are decided in order, each seeing what those before it did; their
outcomes are independent, but for those of a bulk: see `BulkMode`.
"""

from collections.abc import Callable, Sequence
from copy import copy
from datetime import datetime
from itertools import islice

from msgspec.structs import replace

from accounts.ledger.actions import Bulk, BulkMode
from accounts.ledger.entries import Changes, Entry, Outcome, Recorded, Snapshot, digest_of
from accounts.ledger.rules import RULES, Effect, Refusal, Verdict
from accounts.ledger.values import (
    Account,
    Customer,
    Line,
    Mention,
    Posting,
    Progress,
    Status,
)

Decide = Callable[[Snapshot, Sequence[Entry]], Changes]


def decide(snapshot: Snapshot, entries: Sequence[Entry]) -> Changes:
    """Decide a batch of entries on what was loaded for them; changes nothing itself.

    `snapshot` must hold everything that exists of what `needs(entries)` names.
    """
    draft = _Draft(snapshot)
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
        accounts=list(draft.changed_accounts.values()),
        customers=list(draft.changed_customers.values()),
        recorded=draft.recorded,
        progress=list(draft.changed_progress.values()),
        mentions=draft.mentions,
    )


class _Draft:
    """The books as they would be after the entries decided so far."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.changed_accounts: dict[str, Account] = {}
        self.changed_customers: dict[str, Customer] = {}
        self.changed_progress: dict[str, Progress] = {}
        self.recorded: list[Recorded] = []
        self.mentions: list[Mention] = []
        self._snapshot = snapshot
        self._decided: dict[str, Recorded] = {}
        self._named: dict[str, Account] = {}

    def account(self, name: str) -> Account | None:
        found = self._snapshot.accounts.get(name) or self._named.get(name)
        return None if found is None else self.changed_accounts.get(found.id, found)

    def customer(self, customer_id: str) -> Customer:
        return (
            self.changed_customers.get(customer_id)
            or self._snapshot.customers.get(customer_id)
            or Customer(customer_id)
        )

    def entry(self, entry_id: str) -> Recorded | None:
        return self._snapshot.entries.get(entry_id) or self._decided.get(entry_id)

    def progress(self, entry_id: str) -> Progress | None:
        return self.changed_progress.get(entry_id) or self._snapshot.progress.get(entry_id)

    def settle(self, entry: Entry) -> Outcome:
        prior = self.entry(entry.id)
        if prior is None:
            verdict = RULES[type(entry.action)](self, entry, entry.action)
            return Outcome(self.record(entry, verdict))
        if prior.entry.action == entry.action:
            return Outcome(prior, replayed=True)
        return _refused(entry, Status.KEY_REUSED)

    def record(self, entry: Entry, verdict: Verdict) -> Recorded:
        if isinstance(verdict, Refusal):
            recorded = Recorded(entry, verdict.status, entry.at, details=verdict.details)
        else:
            recorded = self._apply(entry, verdict)
        if verdict.progress is not None:
            self.changed_progress[verdict.progress.entry_id] = verdict.progress
        recorded = replace(recorded, digest=digest_of(recorded))
        for of_id in dict.fromkeys(verdict.mentions):
            self.mentions.append(Mention(of_id, entry.kind, recorded.at, entry.id))
        self._decided[entry.id] = recorded
        self.recorded.append(recorded)
        return recorded

    def copied(self) -> "_Draft":
        """Give a draft that goes on from here and leaves this one as it is."""
        other = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list):
                setattr(other, name, copy(value))
        return other

    def restore(self, other: "_Draft") -> None:
        """Go back to where a copy was made."""
        vars(self).update(vars(other))

    def _apply(self, entry: Entry, effect: Effect) -> Recorded:
        if effect.account is not None:
            self._keep(effect.account)
        if effect.customer is not None:
            self.changed_customers[effect.customer.id] = effect.customer
        at = max([entry.at, *(posting.account.moved_at for posting in effect.postings)])
        lines = tuple(self._post(entry, posting, at) for posting in effect.postings)
        return Recorded(entry, Status.RECORDED, at, lines)

    def _post(self, entry: Entry, posting: Posting, at: datetime) -> Line:
        before = self.changed_accounts.get(posting.account.id, posting.account)
        account = replace(
            before,
            balance_minor=before.balance_minor + posting.amount_minor,
            line_count=before.line_count + 1,
            moved_at=at,
        )
        self._keep(account)
        return Line(
            account_id=account.id,
            number=account.line_count,
            entry_id=entry.id,
            kind=entry.kind,
            amount_minor=posting.amount_minor,
            balance_minor=account.balance_minor,
            counterparty=posting.counterparty,
            reference=getattr(entry.action, "reference", None),
            at=at,
        )

    def _keep(self, account: Account) -> None:
        self.changed_accounts[account.id] = account
        self._named[account.id] = self._named[account.number] = account


def _refused(entry: Entry, status: Status) -> Outcome:
    """Refuse an entry without a trace: it may be asked again."""
    return Outcome(Recorded(entry, status, entry.at))


def _settled_bulk(draft: _Draft, head: Entry, ask: Bulk, parts: list[Entry]) -> list[Outcome]:
    """Settle a bulk: its own entry, then its parts, as its mode says."""
    begun = draft.entry(head.id)
    if begun is not None and begun.entry.action != ask:
        return [_refused(each, Status.KEY_REUSED) for each in (head, *parts)]
    if ask.mode is BulkMode.ATOMIC:
        if begun is None:
            return _all_or_none(draft, head, parts)
        return [_retold(draft, each) for each in (head, *parts)]
    outcomes = [draft.settle(head)]
    for part in parts:
        stops = ask.mode is BulkMode.STOP and outcomes[-1].status is not Status.RECORDED
        outcomes.append(_refused(part, Status.BULK_STOPPED) if stops else draft.settle(part))
    return outcomes


def _all_or_none(draft: _Draft, head: Entry, parts: list[Entry]) -> list[Outcome]:
    """Settle all of an atomic bulk; where one is refused, only that and the bulk's end stay."""
    before, outcomes = draft.copied(), [draft.settle(head)]
    for number, part in enumerate(parts):
        outcomes.append(draft.settle(part))
        if outcomes[-1].status is not Status.RECORDED:
            draft.restore(before)
            refusal = Refusal(outcomes[-1].status, outcomes[-1].recorded.details)
            draft.record(head, Refusal(Status.BULK_ABORTED, (("index", number),)))
            draft.record(part, refusal)
            return [
                Outcome(draft.entry(each.id) or _aborted(each).recorded) for each in (head, *parts)
            ]
    return outcomes


def _retold(draft: _Draft, entry: Entry) -> Outcome:
    """Say again what became of an entry of an atomic bulk: those not kept were not tried."""
    return draft.settle(entry) if draft.entry(entry.id) else _aborted(entry)


def _aborted(entry: Entry) -> Outcome:
    return _refused(entry, Status.BULK_ABORTED)
