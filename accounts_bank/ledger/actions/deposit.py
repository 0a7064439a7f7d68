"""Pay cash in."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct, UnsetType

from accounts_bank.ledger.checks import (
    account_of_customer,
    covers,
    has_room,
    not_closed,
    postings,
    same_currency,
    till,
    till_of,
)
from accounts_bank.ledger.refs import listed_under
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Metadata
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class Deposit(Struct, frozen=True, gc=False, tag="deposit"):
    """Pay cash in: move an amount from the till to an account.

    :param account: the id or the number of the account.
    :param amount_minor: the amount in minor units, at least 1.
    :param currency: the currency of the account (ISO 4217).
    :param metadata: the pairs of the caller, left out if there are none.
    """

    account: str
    amount_minor: int
    currency: str
    reference: str | None = None
    metadata: Metadata | UnsetType = UNSET

    touches: ClassVar[Touches] = Touches(accounts=("account",), more_accounts=till_of)

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Move the amount from the till at which the entry is made."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        cash, amount_minor = till(books, entry, self.currency), self.amount_minor
        return (
            not_closed(account)
            or same_currency(account, self.currency)
            or covers(cash, amount_minor)
            or has_room(account, amount_minor)
            or Effect(
                postings(cash, account, amount_minor),
                entry_refs=listed_under((account.owner_id,), self.metadata),
            )
        )
