"""Move money between the accounts of two customers."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct, UnsetType

from accounts_bank.ledger.actions.schedule import after_run
from accounts_bank.ledger.budgets import KeyUse, budget, budget_id, spent, within_budget
from accounts_bank.ledger.checks import (
    covers,
    has_room,
    may_pay,
    owner_ids,
    payer_and_payee,
    postings,
    with_spending,
    within_daily_limit,
)
from accounts_bank.ledger.refs import listed_under
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Metadata
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class Transfer(Struct, frozen=True, gc=False, omit_defaults=True, tag="transfer"):
    """Move money between the accounts of two customers.

    :param from_account: the id or the number of the payer's account.
    :param to_account: the id or the number of the payee's account.
    :param amount_minor: the amount in minor units, at least 1.
    :param currency: the currency of both accounts (ISO 4217).
    :param bulk_id: the id of the bulk of which it is a part.
    :param schedule_id: the id of the schedule of which it is a run.
    :param key: the key that makes it; UNSET for a person. It is no part of a retry's identity.
    :param metadata: the pairs of the caller, left out if there are none.
    """

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    reference: str | None = None
    bulk_id: str | None = None
    schedule_id: str | None = None
    metadata: Metadata | UnsetType = UNSET
    key: KeyUse | UnsetType = UNSET

    budget_id: ClassVar[property] = property(budget_id)
    touches: ClassVar[Touches] = Touches(
        accounts=("from_account", "to_account", "budget_id"), earlier_entries=("schedule_id",)
    )

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Move the amount; a run of a schedule moves its schedule on as well."""
        verdict = self._verdict(books, entry)
        if self.schedule_id is None:
            return verdict
        return after_run(books, self.schedule_id, self.from_account, verdict)

    def _verdict(self, books: "Books", entry: "Entry") -> Verdict:
        found = payer_and_payee(books, entry, self.from_account, self.to_account)
        if isinstance(found, Refusal):
            return found
        payer, payee = found
        amount_minor, at = self.amount_minor, entry.at
        kept = budget(books, self, at)
        return (
            may_pay(payer, payee, self.currency)
            or covers(payer, amount_minor)
            or within_daily_limit(payer, payee, amount_minor, at)
            or within_budget(kept, payer, amount_minor, at)
            or has_room(payee, amount_minor)
            or Effect(
                postings(with_spending(payer, payee, amount_minor, at), payee, amount_minor),
                entry_refs=listed_under(owner_ids(payer, payee), self.metadata),
                budget=spent(kept, payer, amount_minor, at),
            )
        )
