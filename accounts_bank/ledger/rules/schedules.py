"""The rules of schedules: transfers made again and again, each run once, missed ones in order.

A run is a transfer that is part of its schedule. It moves the schedule on, whether the transfer is
refused or not, in the same commit; so no run is made twice, and none is left out.
"""

from calendar import monthrange
from datetime import datetime, timedelta

from msgspec.structs import replace

from accounts_bank.ledger.actions import CancelSchedule, Every, Schedule, Transfer
from accounts_bank.ledger.entries import Entry
from accounts_bank.ledger.rules.checks import may_pay, payer_and_payee
from accounts_bank.ledger.rules.verdicts import Books, Effect, Refusal, Verdict
from accounts_bank.ledger.values import Progress, Stage, Status

_DAYS = {Every.DAY: 1, Every.WEEK: 7}
_LAST_YEAR = 9999


def schedule(books: Books, entry: Entry, ask: Schedule) -> Verdict:
    """Begin a schedule. Whether there is enough for it is asked at each run."""
    found = payer_and_payee(books, entry, ask)
    if isinstance(found, Refusal):
        return found
    payer, payee = found
    begun = Progress(
        entry_id=entry.id,
        kind=entry.kind,
        account_id=payer.id,
        amount_minor=ask.amount_minor,
        due_at=ask.first_at,
    )
    return may_pay(payer, payee, ask.currency) or Effect(
        progress=begun, entry_refs=(payer.owner_id,)
    )


def cancel_schedule(books: Books, _entry: Entry, ask: CancelSchedule) -> Verdict:
    """End a schedule that has not ended yet."""
    found = _begun(books, ask.schedule_id, ask.from_account)
    if found is None:
        return Refusal(Status.ENTRY_UNKNOWN)
    so_far, _ = found
    if so_far.stage is not Stage.OPEN:
        return Refusal(Status.SCHEDULE_ENDED)
    return Effect(
        progress=replace(so_far, stage=Stage.CANCELLED, due_at=None), entry_refs=(so_far.entry_id,)
    )


def run(books: Books, ask: Transfer, schedule_id: str, verdict: Verdict) -> Verdict:
    """Move a schedule on by a run of it. It ends with its last run, or with a closed account."""
    found = _begun(books, schedule_id, ask.from_account)
    if found is None:
        return Refusal(Status.ENTRY_UNKNOWN)
    so_far, schedule = found
    if so_far.stage is not Stage.OPEN:
        return Refusal(Status.SCHEDULE_ENDED)
    moved_on = _moved_on(so_far, schedule)
    if isinstance(verdict, Refusal) and verdict.status is Status.ACCOUNT_CLOSED:
        moved_on = replace(moved_on, stage=Stage.ENDED, due_at=None)
    return replace(verdict, progress=moved_on, entry_refs=(*verdict.entry_refs, so_far.entry_id))


def time_of_run(ask: Schedule, number: int) -> datetime | None:
    """Say when a run is due, the first being number 0; None where there is none.

    In a month without the day of the first run it is the last day of that month.
    """
    if ask.count is not None and number >= ask.count:
        return None
    if ask.every is Every.ONCE:
        return ask.first_at if number == 0 else None
    if ask.every is Every.MONTH:
        return _months_later(ask.first_at, number)
    try:
        return ask.first_at + timedelta(days=_DAYS[ask.every] * number)
    except OverflowError:
        return None


def _begun(books: Books, schedule_id: str, from_account: str) -> tuple[Progress, Schedule] | None:
    """Find a schedule of a payer, and how far it has come."""
    so_far, begun, payer = (
        books.progress.get(schedule_id),
        books.entries.get(schedule_id),
        books.accounts.get(from_account),
    )
    if so_far is None or begun is None or payer is None or payer.id != so_far.account_id:
        return None
    action = begun.entry.action
    return (so_far, action) if isinstance(action, Schedule) else None


def _moved_on(so_far: Progress, ask: Schedule) -> Progress:
    done_count = so_far.done_count + 1
    due_at = time_of_run(ask, done_count)
    stage = Stage.ENDED if due_at is None else Stage.OPEN
    return replace(so_far, done_count=done_count, due_at=due_at, stage=stage)


def _months_later(first_at: datetime, number: int) -> datetime | None:
    years, month = divmod(first_at.month - 1 + number, 12)
    year = first_at.year + years
    if year > _LAST_YEAR:
        return None
    last_day = monthrange(year, month + 1)[1]
    return first_at.replace(year=year, month=month + 1, day=min(first_at.day, last_day))
