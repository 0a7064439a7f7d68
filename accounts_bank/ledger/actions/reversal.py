"""Send the money of a transfer back."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.actions.transfer import Transfer
from accounts_bank.ledger.checks import covers, has_room, may_pay, postings
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Line, Progress, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class Reversal(Struct, frozen=True, gc=False, tag="reversal"):
    """Send the money of a transfer back, in full or in part. A daily limit does not count it.

    :param transfer_id: the id of the transfer.
    :param from_account: the id of the account that the transfer paid to.
    :param to_account: the id of the account that the transfer paid from.
    :param amount_minor: the amount in minor units; None sends back all that is left.
    """

    transfer_id: str
    from_account: str
    to_account: str
    amount_minor: int | None = None
    reference: str | None = None

    touches: ClassVar[Touches] = Touches(
        accounts=("from_account", "to_account"), earlier_entries=("transfer_id",)
    )

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Move the amount back; all reversals together never exceed the transfer."""
        payer, payee = books.account(self.from_account), books.account(self.to_account)
        lines = self._lines(books)
        if lines is None or payer is None or payee is None:
            return Refusal(Status.ENTRY_UNKNOWN)
        before = books.progress(self.transfer_id) or _nothing_reversed(*lines)
        left_minor = before.amount_minor - before.done_minor
        amount_minor = left_minor if self.amount_minor is None else self.amount_minor
        return (
            may_pay(payer, payee, payer.currency)
            or _within(amount_minor, left_minor)
            or covers(payer, amount_minor)
            or has_room(payee, amount_minor)
            or Effect(
                postings(payer, payee, amount_minor),
                progress=replace(before, done_minor=before.done_minor + amount_minor),
                entry_refs=(self.transfer_id,),
            )
        )

    def _lines(self, books: "Books") -> tuple[Line, Line] | None:
        """Return the payer's and the payee's line of a transfer that went the other way."""
        sent = books.entry(self.transfer_id)
        if sent is None or not isinstance(sent.entry.action, Transfer) or not sent.lines:
            return None
        paid, received = sent.lines
        if (self.from_account, self.to_account) != (received.account_id, paid.account_id):
            return None
        return paid, received


def _nothing_reversed(paid: Line, received: Line) -> Progress:
    return Progress(
        entry_id=received.entry_id,
        kind=received.kind,
        account_id=paid.account_id,
        amount_minor=received.amount_minor,
    )


def _within(amount_minor: int, left_minor: int) -> Refusal | None:
    if 0 < amount_minor <= left_minor:
        return None
    return Refusal(Status.REVERSAL_TOO_LARGE, (("left_minor", left_minor),))
