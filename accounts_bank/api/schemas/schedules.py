"""Schedules over the wire."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from accounts_bank.api.schemas.money import TransferRequest
from accounts_bank.collections.schedules import ScheduleDetails
from accounts_bank.http.fields import Metadata, Moment, Time
from accounts_bank.ledger.actions import Every, Transfer
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.values import Stage, Status

COUNT_MAX = 10_000

_STATUS = {Stage.OPEN: "active", Stage.ENDED: "ended", Stage.CANCELLED: "cancelled"}


class ScheduleRequest(TransferRequest, frozen=True, kw_only=True):
    """Make a transfer again and again, `count` times or until it is cancelled."""

    first_at: Moment
    every: Every
    count: Annotated[int, Meta(ge=1, le=COUNT_MAX, description="How many runs.")] | None = None


class ScheduleView(Struct, frozen=True):
    """A schedule: `run_count` runs were made, refused ones included, the next is at `next_at`."""

    id: str
    kind: Literal["schedule"]
    status: Literal["active", "ended", "cancelled"]
    from_account_id: str
    to_account_id: str
    to_account_number: str
    amount_minor: int
    currency: str
    reference: str | None
    metadata: Metadata
    first_at: Time
    every: Every
    count: int | None
    run_count: int
    next_at: Time | None
    at: Time


class RunView(Struct, frozen=True, omit_defaults=True):
    """A run of a schedule: a transfer, or why there is none (`code`)."""

    id: str
    status: Literal["recorded", "refused"]
    amount_minor: int
    currency: str
    metadata: Metadata
    at: Time
    code: str | None = None
    shortfall_minor: int | None = None
    left_minor: int | None = None


def schedule_view(schedule: ScheduleDetails) -> ScheduleView:
    """Show a schedule to its payer."""
    ask = schedule.action
    return ScheduleView(
        id=schedule.id,
        kind="schedule",
        status=_STATUS[schedule.stage],  # type: ignore[arg-type]
        from_account_id=schedule.payer.id,
        to_account_id=schedule.payee.id,
        to_account_number=schedule.payee.number,
        amount_minor=ask.amount_minor,
        currency=ask.currency,
        reference=ask.reference,
        metadata=ask.metadata or {},
        first_at=ask.first_at,
        every=ask.every,
        count=ask.count,
        run_count=schedule.run_count,
        next_at=schedule.next_at,
        at=schedule.recorded.at,
    )


def run_view(run: Recorded) -> RunView:
    """Show the result of a run."""
    is_recorded = run.status is Status.RECORDED
    assert isinstance(run.entry.action, Transfer)  # noqa: S101 - tells the type checker
    return RunView(
        id=run.entry.id,
        status="recorded" if is_recorded else "refused",
        amount_minor=run.entry.action.amount_minor,
        currency=run.entry.action.currency,
        metadata=run.entry.action.metadata or {},
        at=run.at,
        code=None if is_recorded else run.status.value,
        **dict(run.details),
    )
