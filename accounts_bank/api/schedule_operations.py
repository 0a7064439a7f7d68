"""/v1/schedules: transfers that the bank repeats by itself."""

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.schedules import (
    RunView,
    ScheduleRequest,
    ScheduleView,
    run_view,
    schedule_view,
)
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import NO_CONTENT, Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.fields import DryRun, NewestFirst
from accounts_bank.http.messages import parse_time
from accounts_bank.http.pagination import newest_first
from accounts_bank.http.payments import action_of
from accounts_bank.identity import Caller, Scope
from accounts_bank.ledger.actions import Schedule

operations = Operations("schedules", "/v1/schedules")

_PAIR_CODES = ("same_account", "account_unknown", "currency_mismatch")
_RUN_CODES = ("account_closed", "account_frozen", "funds_insufficient", "limit_exceeded")
"""The refusals that each run can have; the beginning checks the rest once."""


@operations.declare(
    "POST",
    "",
    "Begin a schedule",
    permission=Permission.TRANSACT,
    scope=Scope.SCHEDULES_WRITE,
    body=ScheduleRequest,
    query=DryRun,
    answer=ScheduleView,
    status=201,
    codes=("not_found", "key_reused", *_PAIR_CODES, "account_closed", "account_frozen"),
    is_money=True,
)
def create(
    bank: Bank, caller: Caller, query: DryRun, body: ScheduleRequest, key: str | None
) -> Answer:
    """Begin a schedule: the bank makes its transfer once or repeatedly.

    `first_at` may lie one minute back at most. A month without that day runs on its last day.
    """
    action = action_of(Schedule, body, first_at=parse_time(body.first_at, "first_at"))
    schedule = bank.accounts.schedules.create(caller, action, key, dry_run=query.dry_run)
    location = f"/v1/schedules/{schedule.id}"
    return Answer(
        schedule_view(schedule),
        201,
        location=location,
        replayed=schedule.replayed,
        dry_run=query.dry_run,
    )


@operations.declare(
    "GET",
    "",
    "List your schedules",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    query=NewestFirst,
    answer=ScheduleView,
    is_page=True,
)
def list_schedules(bank: Bank, caller: Caller, query: NewestFirst) -> Answer:
    """List the schedules that the caller pays, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank.accounts.schedules.of(caller, before=before, limit=limit),
        schedule_view,
    )


@operations.declare(
    "GET",
    "/<entry_id>",
    "Read a schedule",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    answer=ScheduleView,
    codes=("not_found",),
)
def read(bank: Bank, caller: Caller, entry_id: str) -> Answer:
    """Show a schedule to its payer."""
    return Answer(schedule_view(bank.accounts.schedules.read(caller, entry_id)))


@operations.declare(
    "GET",
    "/<entry_id>/runs",
    "List the runs of a schedule",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    query=NewestFirst,
    answer=RunView,
    is_page=True,
    codes=("not_found",),
    item_codes=_RUN_CODES,
)
def list_runs(bank: Bank, caller: Caller, query: NewestFirst, entry_id: str) -> Answer:
    """List the runs with their results, refused ones included, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank.accounts.schedules.runs(
            caller, entry_id, before=before, limit=limit
        ),
        run_view,
    )


@operations.declare(
    "DELETE",
    "/<entry_id>",
    "Cancel a schedule",
    permission=Permission.TRANSACT,
    scope=Scope.SCHEDULES_WRITE,
    status=204,
    codes=("not_found", "schedule_ended"),
)
def cancel(bank: Bank, caller: Caller, entry_id: str) -> Answer:
    """End a schedule. A second cancellation changes nothing."""
    bank.accounts.schedules.cancel(caller, entry_id)
    return NO_CONTENT
