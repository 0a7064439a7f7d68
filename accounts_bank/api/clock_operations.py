"""/v1/sandbox/clock: the clock of the whole bank."""

from collections.abc import Callable
from datetime import datetime

from msgspec import UNSET

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.sandbox import (
    AdvanceRequest,
    AdvanceView,
    ClockRequest,
    ClockView,
    clock_view,
)
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import InvalidRequest
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank, sandbox_of
from accounts_bank.http.messages import parse_time
from accounts_bank.sandbox.durations import after, in_reach

NEXT_DUE = "next_due"

operations = Operations("sandbox", "/v1/sandbox/clock")


@operations.declare(
    "GET",
    "",
    "Read the clock",
    permission=Permission.CONTROL_SANDBOX,
    answer=ClockView,
    is_sandbox=True,
)
def read_clock(bank: Bank) -> Answer:
    """Show the time of the bank, and the next instant at which something is due."""
    return Answer(clock_view(sandbox_of(bank)))


@operations.declare(
    "PUT",
    "",
    "Set the clock",
    permission=Permission.CONTROL_SANDBOX,
    body=ClockRequest,
    answer=ClockView,
    codes=("clock_backward",),
    is_sandbox=True,
)
def set_clock(bank: Bank, body: ClockRequest) -> Answer:
    """Set the mode and the time.

    `real` is the time of the machine, `running` goes on from `now`, `frozen` stands. While the
    clock is frozen, only an advance runs what is due.
    """
    now = None if body.now is None else in_reach(parse_time(body.now, "now"))
    sandbox = sandbox_of(bank)
    sandbox.set_clock(body.mode, now)
    return Answer(clock_view(sandbox))


@operations.declare(
    "POST",
    "/advance",
    "Advance the clock",
    permission=Permission.CONTROL_SANDBOX,
    body=AdvanceRequest,
    answer=AdvanceView,
    codes=("clock_backward",),
    is_sandbox=True,
)
def advance(bank: Bank, body: AdvanceRequest) -> Answer:
    """Step through each due instant up to a time, and answer after everything due has run.

    Holds expire before schedules run, then by id. After 10,000 due entries the clock stops early
    and `complete` is false. Advance again to go on.
    """
    result = sandbox_of(bank).advance(end_of(body))
    return Answer(AdvanceView(result.now, result.fired, result.next_due, result.complete))


def end_of(body: AdvanceRequest) -> Callable[[datetime, datetime | None], datetime]:
    """Return a function that gives the end, from the present time and the next due instant.

    :raises InvalidRequest: the body names no end, or two; or it lies too far ahead.
    """
    if (body.to is UNSET) == (body.by is UNSET):
        raise InvalidRequest("Send either `to` or `by`.")
    if isinstance(body.by, str):
        duration = body.by
        return lambda now, _next_due: after(now, duration)
    if body.to == NEXT_DUE:
        return lambda now, next_due: max(now, next_due or now)
    end = in_reach(parse_time(str(body.to), "to"))
    return lambda _now, _next_due: end
