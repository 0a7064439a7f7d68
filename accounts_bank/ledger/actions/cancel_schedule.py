"""Cancel a schedule."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.actions.schedule import schedule_progress
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Stage, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class CancelSchedule(Struct, frozen=True, gc=False, tag="schedule_cancelled"):
    """Cancel a schedule; it has no more runs.

    :param schedule_id: the id of the schedule.
    :param from_account: the payer's account, as the schedule names it.
    """

    schedule_id: str
    from_account: str

    touches: ClassVar[Touches] = Touches(
        accounts=("from_account",), earlier_entries=("schedule_id",)
    )

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Cancel a schedule that has not ended."""
        found = schedule_progress(books, self.schedule_id, self.from_account)
        if isinstance(found, Refusal):
            return found
        progress, _ = found
        if progress.stage is not Stage.OPEN:
            return Refusal(Status.SCHEDULE_ENDED)
        after = replace(progress, stage=Stage.CANCELLED, due_at=None)
        return Effect(progress=after, entry_refs=(self.schedule_id,))
