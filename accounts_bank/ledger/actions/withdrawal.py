"""Pay cash out."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct, UnsetType

from accounts_bank.ledger.budgets import KeyUse, budget, budget_id, spent, within_budget
from accounts_bank.ledger.checks import (
    account_of_customer,
    covers,
    has_room,
    not_closed,
    not_frozen,
    postings,
    same_currency,
    till,
    till_of,
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


class Withdrawal(Struct, frozen=True, gc=False, tag="withdrawal"):
    """Pay cash out: move an amount from an account to the till.

    :param account: the id or the number of the account.
    :param amount_minor: the amount in minor units, at least 1.
    :param currency: the currency of the account (ISO 4217).
    :param key: the key that makes it; UNSET for a person. It is no part of a retry's identity.
    :param metadata: the pairs of the caller, left out if there are none.
    """

    account: str
    amount_minor: int
    currency: str
    reference: str | None = None
    metadata: Metadata | UnsetType = UNSET
    key: KeyUse | UnsetType = UNSET

    budget_id: ClassVar[property] = property(budget_id)
    touches: ClassVar[Touches] = Touches(accounts=("account", "budget_id"), more_accounts=till_of)

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Move the amount to the till at which the entry is made."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        cash, amount_minor = till(books, entry, self.currency), self.amount_minor
        kept = budget(books, self, entry.at)
        return (
            not_closed(account)
            or not_frozen(account)
            or same_currency(account, self.currency)
            or covers(account, amount_minor)
            or within_daily_limit(account, cash, amount_minor, entry.at)
            or within_budget(kept, account, amount_minor, entry.at)
            or has_room(cash, amount_minor)
            or Effect(
                postings(with_spending(account, cash, amount_minor, entry.at), cash, amount_minor),
                entry_refs=listed_under((account.owner_id,), self.metadata),
                budget=spent(kept, account, amount_minor, entry.at),
            )
        )
