"""Void a hold."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from accounts_bank.ledger.actions.hold import hold_and_payer, not_ended, released
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Stage
from accounts_bank.ledger.verdicts import Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class Void(Struct, frozen=True, gc=False, tag="void"):
    """Give a hold up and release all of its money.

    :param hold_id: the id of the hold.
    :param from_account: the payer's account, as the hold names it.
    """

    hold_id: str
    from_account: str

    touches: ClassVar[Touches] = Touches(accounts=("from_account",), earlier_entries=("hold_id",))

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Release a hold that is open and within its time."""
        found = hold_and_payer(books, self.hold_id, self.from_account)
        if isinstance(found, Refusal):
            return found
        hold, payer = found
        return not_ended(hold, entry.at) or released(hold, payer, Stage.VOIDED)
