"""Close an account."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.checks import account_of_customer, not_frozen
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Account, AccountStatus, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class CloseAccount(Struct, frozen=True, gc=False, tag="account_closed"):
    """Close an account with a balance of zero and no holds. A second close changes nothing.

    :param account: the id or the number of the account.
    :param owner_id: the id of the customer that owns it.
    """

    account: str
    owner_id: str

    touches: ClassVar[Touches] = Touches(accounts=("account",), customers=("owner_id",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Close an empty account; a closed account stays closed."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        if account.owner_id != self.owner_id:
            return Refusal(Status.ACCOUNT_UNKNOWN)
        if account.status is AccountStatus.CLOSED:
            return Effect()
        customer = books.customer(self.owner_id)
        return (
            not_frozen(account)
            or _no_holds(account)
            or _no_balance(account)
            or Effect(
                account=replace(account, status=AccountStatus.CLOSED),
                customer=replace(customer, open_accounts=customer.open_accounts - 1),
            )
        )


def _no_holds(account: Account) -> Refusal | None:
    if account.held_minor:
        return Refusal(Status.HOLDS_OPEN, (("held_minor", account.held_minor),))
    return None


def _no_balance(account: Account) -> Refusal | None:
    if account.balance_minor:
        return Refusal(Status.BALANCE_NOT_ZERO, (("balance_minor", account.balance_minor),))
    return None
