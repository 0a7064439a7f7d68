"""Capture a hold."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from accounts_bank.ledger.actions.hold import Hold, ended, hold_and_payer, not_ended, with_held
from accounts_bank.ledger.checks import has_room, may_pay, postings
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Progress, Stage, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class Capture(Struct, frozen=True, gc=False, tag="capture"):
    """Move the money of a hold to the payee, in full or in part, and release the rest.

    :param hold_id: the id of the hold.
    :param from_account: the payer's account, as the hold names it.
    :param to_account: the payee's account, as the hold names it.
    :param amount_minor: the amount in minor units; None moves all of it.
    """

    hold_id: str
    from_account: str
    to_account: str
    amount_minor: int | None = None

    touches: ClassVar[Touches] = Touches(
        accounts=("from_account", "to_account"), earlier_entries=("hold_id",)
    )

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Move the amount, which is at most the hold's."""
        found, payee = (
            hold_and_payer(books, self.hold_id, self.from_account),
            books.account(self.to_account),
        )
        action = self._hold(books)
        if isinstance(found, Refusal) or action is None or payee is None:
            return Refusal(Status.ENTRY_UNKNOWN)
        hold, payer = found
        amount_minor = hold.amount_minor if self.amount_minor is None else self.amount_minor
        return (
            not_ended(hold, entry.at)
            or may_pay(payer, payee, payer.currency)
            or _within(amount_minor, hold)
            or has_room(payee, amount_minor)
            or Effect(
                postings(with_held(payer, -hold.amount_minor), payee, amount_minor),
                progress=ended(hold, Stage.CAPTURED, amount_minor),
                entry_refs=(self.hold_id,),
                reference=action.reference,
            )
        )

    def _hold(self, books: "Books") -> Hold | None:
        """Find the action of the hold if the hold names the same payee."""
        recorded = books.entry(self.hold_id)
        if recorded is None or not isinstance(recorded.entry.action, Hold):
            return None
        action = recorded.entry.action
        return action if action.to_account == self.to_account else None


def _within(amount_minor: int, hold: Progress) -> Refusal | None:
    if amount_minor <= hold.amount_minor:
        return None
    return Refusal(Status.CAPTURE_TOO_LARGE, (("held_minor", hold.amount_minor),))
