"""Open an account."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from accounts_bank.ledger.iban import numbers_for
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Account, Metadata, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class OpenAccount(Struct, frozen=True, gc=False, tag="account_opened"):
    """Open an account for a customer. The id of the entry becomes the id of the account.

    :param owner_id: the id of the customer.
    :param currency: the currency of the account (ISO 4217).
    :param metadata: the pairs of the caller, left out if there are none.
    """

    owner_id: str
    name: str
    currency: str
    metadata: Metadata | UnsetType = UNSET

    touches: ClassVar[Touches] = Touches(
        customers=("owner_id",), more_accounts=lambda _action, entry: numbers_for(entry.id)
    )

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Open the account under the first of its candidate numbers that is free."""
        customer = books.customer(self.owner_id)
        if customer.left:
            return Refusal(Status.CUSTOMER_LEFT)
        free = [number for number in numbers_for(entry.id) if books.account(number) is None]
        if not free:
            return Refusal(Status.NUMBERS_EXHAUSTED)
        account = Account(
            id=entry.id,
            number=free[0],
            owner_id=self.owner_id,
            name=self.name,
            currency=self.currency,
            created_at=entry.at,
            moved_at=entry.at,
            metadata=self.metadata or None,
        )
        after = replace(customer, open_accounts=customer.open_accounts + 1)
        return Effect(account=account, customer=after)
