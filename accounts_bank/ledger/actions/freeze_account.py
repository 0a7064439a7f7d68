"""Freeze an account."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.checks import account_of_customer, not_closed
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import AccountStatus
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class FreezeAccount(Struct, frozen=True, gc=False, tag="account_frozen"):
    """Block payments out of an account. A second freeze changes nothing.

    :param account: the id or the number of the account.
    """

    account: str

    touches: ClassVar[Touches] = Touches(accounts=("account",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Freeze an account that is not closed."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        return not_closed(account) or Effect(account=replace(account, status=AccountStatus.FROZEN))
