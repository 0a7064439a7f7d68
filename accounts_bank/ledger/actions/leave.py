"""End the relation with a customer."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class Leave(Struct, frozen=True, gc=False, tag="customer_left"):
    """End the relation with a customer; no account is opened for the customer afterwards."""

    owner_id: str

    touches: ClassVar[Touches] = Touches(customers=("owner_id",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Let a customer leave that has no open account. A second leave changes nothing."""
        customer = books.customer(self.owner_id)
        if customer.open_accounts:
            return Refusal(Status.ACCOUNTS_OPEN, (("open_accounts", customer.open_accounts),))
        return Effect(customer=replace(customer, left=True))
