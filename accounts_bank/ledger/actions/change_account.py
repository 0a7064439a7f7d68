"""Change the name and the metadata of an account."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from accounts_bank.ledger.checks import account_of_customer, not_closed
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Account, Metadata, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class ChangeAccount(Struct, frozen=True, gc=False, omit_defaults=True, tag="account_changed"):
    """Give an account other metadata, and another name as well if there is one.

    :param account: the id or the number of the account.
    :param metadata: all pairs of the account after the change.
    :param name: the new name; None keeps the name.
    :param expected_metadata: change it only if these are its pairs; unset changes it in any case.
    :param expected_name: change it only if this is its name; None changes it in any case.
    """

    account: str
    metadata: Metadata
    name: str | None = None
    expected_metadata: Metadata | UnsetType = UNSET
    expected_name: str | None = None

    touches: ClassVar[Touches] = Touches(accounts=("account",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Change an account that is not closed."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        name = account.name if self.name is None else self.name
        after = replace(account, name=name, metadata=self.metadata or None)
        return not_closed(account) or self._unexpected(account) or Effect(account=after)

    def _unexpected(self, account: Account) -> Refusal | None:
        """Refuse an account that another call changed meanwhile."""
        is_renamed = self.expected_name not in {None, account.name}
        if is_renamed or self.expected_metadata not in (UNSET, account.metadata or {}):
            return Refusal(Status.PRECONDITION_FAILED)
        return None
