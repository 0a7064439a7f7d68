"""Set the credit limit of an account."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.checks import account_of_customer, covers, has_room, not_closed
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class SetCreditLimit(Struct, frozen=True, gc=False, tag="credit_limit_set"):
    """Set how far the balance of an account may go below zero.

    :param account: the id or the number of the account.
    :param credit_limit_minor: the limit in minor units, zero or more.
    """

    account: str
    credit_limit_minor: int

    touches: ClassVar[Touches] = Touches(accounts=("account",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Move the floor of the account, but not above its balance less the holds."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        after = replace(account, floor_minor=-self.credit_limit_minor)
        return (
            not_closed(account) or covers(after, 0) or has_room(after, 0) or Effect(account=after)
        )
