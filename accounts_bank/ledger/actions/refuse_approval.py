"""Refuse a request for approval."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.actions.ask_approval import subject_account, waiting
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Stage
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class RefuseApproval(Struct, frozen=True, gc=False, tag="approval_refused"):
    """Refuse a request: its action is never done.

    :param approval_id: the id of the request.
    :param account: the account that the action changes, or None.
    :param user_id: the user that the action changes, or None.
    """

    approval_id: str
    account: str | None = None
    user_id: str | None = None

    touches: ClassVar[Touches] = Touches(
        customers=("user_id",), earlier_entries=("approval_id",), more_accounts=subject_account
    )

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Refuse a request that waits. Its maker never decides it."""
        found = waiting(books, entry, self.approval_id, self.account or self.user_id)
        if isinstance(found, Refusal):
            return found
        return Effect(progress=replace(found, stage=Stage.REFUSED), entry_refs=(self.approval_id,))
