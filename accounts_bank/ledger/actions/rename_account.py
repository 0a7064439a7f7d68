"""Rename an account."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.checks import account_of_customer, not_closed
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class RenameAccount(Struct, frozen=True, gc=False, omit_defaults=True, tag="account_renamed"):
    """Give an account another name.

    :param account: the id or the number of the account.
    :param expected_name: rename it only if this is its name; None renames it in any case.
    """

    account: str
    name: str
    expected_name: str | None = None

    touches: ClassVar[Touches] = Touches(accounts=("account",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Rename an account that is not closed."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        if self.expected_name not in {None, account.name}:
            return not_closed(account) or Refusal(Status.PRECONDITION_FAILED)
        return not_closed(account) or Effect(account=replace(account, name=self.name))
