"""Schedule a transfer. Each run is made once, missed runs in their order.

A run is a transfer that is part of its schedule. The commit of a run also moves the schedule on,
if the transfer is refused too. So no run is made twice, and no run is left out.
"""

from calendar import monthrange
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from accounts_bank.ledger.budgets import KeyUse
from accounts_bank.ledger.checks import may_pay, payer_and_payee
from accounts_bank.ledger.refs import listed_under
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Metadata, Progress, Stage, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class Every(StrEnum):
    """The interval between two runs of a schedule."""

    ONCE = "once"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


LATE_MAX = timedelta(minutes=1)
"""The first run may lie this long before the entry, for the way of the request."""

_DAYS = {Every.DAY: 1, Every.WEEK: 7}
_LAST_YEAR = 9999


class Schedule(Struct, frozen=True, gc=False, tag="schedule"):
    """Make a transfer at several times.

    :param from_account: the id or the number of the payer's account.
    :param to_account: the id or the number of the payee's account.
    :param amount_minor: the amount of each run in minor units, at least 1.
    :param currency: the currency of both accounts (ISO 4217).
    :param first_at: the time of the first run.
    :param every: the interval between two runs.
    :param count: the number of runs; None runs without an end.
    :param key: the key that makes it; UNSET for a person. Each run counts against its daily limit.
    :param metadata: the pairs of the caller, left out if there are none.
    """

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    first_at: datetime
    every: Every
    count: int | None = None
    reference: str | None = None
    metadata: Metadata | UnsetType = UNSET
    key: KeyUse | UnsetType = UNSET

    touches: ClassVar[Touches] = Touches(accounts=("from_account", "to_account"))

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Begin the schedule. Each run checks by itself that the money suffices."""
        found = payer_and_payee(books, entry, self.from_account, self.to_account)
        if isinstance(found, Refusal):
            return found
        if self.first_at < entry.at - LATE_MAX:
            return Refusal(Status.FIRST_RUN_PAST)
        payer, payee = found
        progress = Progress(
            entry_id=entry.id,
            kind=entry.kind,
            account_id=payer.id,
            amount_minor=self.amount_minor,
            due_at=self.first_at,
        )
        return may_pay(payer, payee, self.currency) or Effect(
            progress=progress, entry_refs=listed_under((payer.owner_id,), self.metadata)
        )

    def time_of_run(self, number: int) -> datetime | None:
        """Return the time of a run; None if the schedule has no such run.

        A month without the day of the first run has the run on its last day.

        :param number: the number of the run; the first run is number 0.
        """
        if self.count is not None and number >= self.count:
            return None
        if self.every is Every.ONCE:
            return self.first_at if number == 0 else None
        if self.every is Every.MONTH:
            return _months_later(self.first_at, number)
        try:
            return self.first_at + timedelta(days=_DAYS[self.every] * number)
        except OverflowError:
            return None


def after_run(books: "Books", schedule_id: str, from_account: str, verdict: Verdict) -> Verdict:
    """Add to the verdict on a run that its schedule moves on.

    The schedule ends with its last run, or when one of the accounts is closed.
    """
    found = schedule_progress(books, schedule_id, from_account)
    if isinstance(found, Refusal):
        return found
    progress, schedule = found
    if progress.stage is not Stage.OPEN:
        return Refusal(Status.SCHEDULE_ENDED)
    after = _after_one_run(progress, schedule)
    if isinstance(verdict, Refusal) and verdict.status is Status.ACCOUNT_CLOSED:
        after = replace(after, stage=Stage.ENDED, due_at=None)
    return replace(verdict, progress=after, entry_refs=(*verdict.entry_refs, schedule_id))


def schedule_progress(
    books: "Books", schedule_id: str, from_account: str
) -> tuple[Progress, Schedule] | Refusal:
    """Find the progress and the action of a payer's schedule."""
    progress, recorded, payer = (
        books.progress(schedule_id),
        books.entry(schedule_id),
        books.account(from_account),
    )
    if progress is None or recorded is None or payer is None or payer.id != progress.account_id:
        return Refusal(Status.ENTRY_UNKNOWN)
    action = recorded.entry.action
    if not isinstance(action, Schedule):
        return Refusal(Status.ENTRY_UNKNOWN)
    return progress, action


def _after_one_run(progress: Progress, schedule: Schedule) -> Progress:
    done_count = progress.done_count + 1
    due_at = schedule.time_of_run(done_count)
    stage = Stage.ENDED if due_at is None else Stage.OPEN
    return replace(progress, done_count=done_count, due_at=due_at, stage=stage)


def _months_later(first_at: datetime, number: int) -> datetime | None:
    years, month = divmod(first_at.month - 1 + number, 12)
    year = first_at.year + years
    if year > _LAST_YEAR:
        return None
    last_day = monthrange(year, month + 1)[1]
    return first_at.replace(year=year, month=month + 1, day=min(first_at.day, last_day))
