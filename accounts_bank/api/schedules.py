"""/v1/schedules: transfers that the bank makes by itself, again and again."""

from flask import Blueprint, Response

from accounts_bank.api.operations import CUSTOMERS, SIGNED_IN, operation
from accounts_bank.api.schemas.schedules import (
    RunView,
    ScheduleRequest,
    ScheduleView,
    run_view,
    schedule_view,
)
from accounts_bank.http.bank import bank
from accounts_bank.http.fields import DryRun, NewestFirst
from accounts_bank.http.messages import (
    answer,
    done,
    idempotency_key,
    newest_first,
    nothing,
    parse,
    parse_time,
)
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Schedule

schedules = Blueprint("schedules", __name__, url_prefix="/v1/schedules")

_PAIR_CODES = ("same_account", "account_unknown", "currency_mismatch")
_RUN_CODES = ("account_closed", "account_frozen", "funds_insufficient", "limit_exceeded")
"""What never changes is asked at the beginning, whether there is enough at each run."""


@schedules.post("")
@operation(
    "Begin a schedule",
    who=CUSTOMERS,
    body=ScheduleRequest,
    query=DryRun,
    answer=ScheduleView,
    status=201,
    codes=("not_found", "key_reused", *_PAIR_CODES, "account_closed", "account_frozen"),
    is_money=True,
)
def create(caller: Caller, query: DryRun) -> Response:
    """Have the bank make a transfer by itself, once or again and again.

    `first_at` may lie a minute back at most. Of a month without that day, it is the last day.
    """
    wish, key = parse(ScheduleRequest), idempotency_key()
    ask = Schedule(
        from_account=wish.from_account,
        to_account=wish.to_account,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        first_at=parse_time(wish.first_at, "first_at"),
        every=wish.every,
        count=wish.count,
        reference=wish.reference,
    )
    begun = bank().accounts.schedules.create(caller, ask, key, dry_run=query.dry_run)
    at = f"/v1/schedules/{begun.id}"
    return done(schedule_view(begun), 201, at=at, replayed=begun.replayed, dry_run=query.dry_run)


@schedules.get("")
@operation(
    "List your schedules", who=SIGNED_IN, query=NewestFirst, answer=ScheduleView, is_page=True
)
def list_schedules(caller: Caller, query: NewestFirst) -> Response:
    """List the schedules that the caller pays, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank().accounts.schedules.of(caller, before=before, limit=limit),
        schedule_view,
    )


@schedules.get("/<entry_id>")
@operation("Read a schedule", who=SIGNED_IN, answer=ScheduleView, codes=("not_found",))
def read(caller: Caller, entry_id: str) -> Response:
    """Show a schedule to who pays."""
    return answer(schedule_view(bank().accounts.schedules.read(caller, entry_id)))


@schedules.get("/<entry_id>/runs")
@operation(
    "List the runs of a schedule",
    who=SIGNED_IN,
    query=NewestFirst,
    answer=RunView,
    is_page=True,
    codes=("not_found",),
    item_codes=_RUN_CODES,
)
def list_runs(caller: Caller, query: NewestFirst, entry_id: str) -> Response:
    """List what became of each run, refused ones included, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank().accounts.schedules.runs(
            caller, entry_id, before=before, limit=limit
        ),
        run_view,
    )


@schedules.delete("/<entry_id>")
@operation("Cancel a schedule", who=CUSTOMERS, status=204, codes=("not_found", "schedule_ended"))
def cancel(caller: Caller, entry_id: str) -> Response:
    """End a schedule: it runs no more. To cancel it again changes nothing."""
    bank().accounts.schedules.cancel(caller, entry_id)
    return nothing()
