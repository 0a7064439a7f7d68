"""`decide`: the one place where an entry becomes an outcome. Pure, so it can be run again.

A store loads what `needs` names, hands it to `decide` and saves the changes, all in one of its own
transactions. Entries of a batch are decided in order, each seeing what those before it did; their
outcomes are independent.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from accounts.ledger import entries as asks
from accounts.ledger import rules
from accounts.ledger.entries import Changes, Entry, Outcome, Recorded, Snapshot, digest_of
from accounts.ledger.rules import Effect, Refusal, Verdict
from accounts.ledger.values import Account, Customer, Line, Posting, Status

Decide = Callable[[Snapshot, Sequence[Entry]], Changes]

_RULES: dict[type[Any], Callable[[rules.Books, Entry, Any], Verdict]] = {
    asks.OpenAccount: rules.open_account,
    asks.RenameAccount: rules.rename_account,
    asks.CloseAccount: rules.close_account,
    asks.Leave: rules.leave,
    asks.Deposit: rules.deposit,
    asks.Withdrawal: rules.withdrawal,
    asks.Transfer: rules.transfer,
}


def decide(snapshot: Snapshot, entries: Sequence[Entry]) -> Changes:
    """Decide a batch of entries on what was loaded for them; changes nothing itself.

    `snapshot` must hold everything that exists of what `needs(entries)` names.
    """
    draft = _Draft(snapshot)
    outcomes = [draft.settle(entry) for entry in entries]
    return Changes(
        outcomes=outcomes,
        accounts=list(draft.changed_accounts.values()),
        customers=list(draft.changed_customers.values()),
        recorded=draft.recorded,
    )


class _Draft:
    """The books as they would be after the entries decided so far."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.changed_accounts: dict[str, Account] = {}
        self.changed_customers: dict[str, Customer] = {}
        self.recorded: list[Recorded] = []
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

    def settle(self, entry: Entry) -> Outcome:
        prior = self._snapshot.entries.get(entry.id) or self._decided.get(entry.id)
        if prior is None:
            return Outcome(self._record(entry, self._verdict(entry)))
        if prior.entry.action == entry.action:
            return Outcome(prior, replayed=True)
        return Outcome(Recorded(entry, Status.KEY_REUSED, entry.at))

    def _verdict(self, entry: Entry) -> Verdict:
        return _RULES[type(entry.action)](self, entry, entry.action)

    def _record(self, entry: Entry, verdict: Verdict) -> Recorded:
        if isinstance(verdict, Refusal):
            recorded = Recorded(entry, verdict.status, entry.at, details=verdict.details)
        else:
            recorded = self._apply(entry, verdict)
        recorded = replace(recorded, digest=digest_of(recorded))
        self._decided[entry.id] = recorded
        self.recorded.append(recorded)
        return recorded

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
