"""Schedules: payments that the bank makes by itself, again and again."""

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, Response, request
from msgspec.structs import asdict

from accounts_bank.api.schemas.schedules import COUNT_MAX
from accounts_bank.collections.permissions import Permission
from accounts_bank.collections.schedules import ScheduleDetails
from accounts_bank.errors import REASONS, Forbidden, InvalidRequest, NotFound, Refused
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Every, Schedule
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.keys import done_with, form_key, new_key
from accounts_bank.web.newest import newest
from accounts_bank.web.pages import go, page, signed_in
from accounts_bank.web.payment_fields import count
from accounts_bank.web.payment_form import Draft

schedules = Blueprint("schedule_pages", __name__)

RUNS_AT = time(6)
"""When on its day a payment is made, in UTC."""

_WORDS = {Every.ONCE: "once", Every.DAY: "every day", Every.WEEK: "every week"}
_WORDS |= {Every.MONTH: "every month"}
_FIRST = Field(
    name="first",
    label="First on",
    hint="From tomorrow on, at 6:00 UTC. Of a month without that day, it is the last one.",
    type="date",
)
_EVERY = Field(
    name="every",
    label="Then",
    kind=Every,
    wrong="Choose one of these.",
    choices=tuple((each.value, words) for each, words in _WORDS.items()),
)
_COUNT = Field(
    name="count",
    label="How many times",
    hint="Leave it empty to go on until you cancel it.",
    inputmode="numeric",
    optional=True,
    maxlength=5,
)


@schedules.get("/schedules")
@signed_in(Permission.READ_OWN)
def look_back(caller: Caller) -> Response:
    """List the schedules that the caller pays, the newest first."""
    found = newest(
        lambda before, limit: bank().accounts.schedules.of(caller, before=before, limit=limit),
        lambda schedule: schedule.recorded,
    )
    return page("schedules", found=found, words=_WORDS)


@schedules.route("/schedules/new", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def create(caller: Caller) -> Response:
    """Begin a schedule, once for each form."""
    if form_key() is None:
        return go(request.path, **(request.args.to_dict() | {"key": new_key()}))
    draft = Draft(caller, _FIRST, _EVERY, _COUNT)
    draft.form.typed["every"] = draft.form.typed["every"] or Every.MONTH
    if request.method == "POST":
        made = _made(caller, draft)
        if made:
            return go(f"/schedules/{made.id}", done="before" if made.replayed else "begun")
    done = done_with(bank().accounts.schedules.read, caller, key=draft.key)
    return page("schedule_new", draft.form.status, done=done, **draft.shown())


@schedules.get("/schedules/<entry_id>")
@signed_in(Permission.READ_OWN)
def read(caller: Caller, entry_id: str) -> Response:
    """Show a schedule, and what became of each run."""
    schedule = bank().accounts.schedules.read(caller, entry_id)
    runs = newest(
        lambda before, limit: bank().accounts.schedules.runs(
            caller, schedule.id, before=before, limit=limit
        ),
        lambda run: run,
    )
    return page(
        "schedule",
        schedule=schedule,
        words=_WORDS,
        runs=runs,
        reasons=REASONS,
        is_own=schedule.payer.owner_id == caller.id,
        done=request.args.get("done"),
    )


@schedules.route("/schedules/<entry_id>/cancel", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def cancel(caller: Caller, entry_id: str) -> Response:
    """End a schedule: it runs no more."""
    schedule, form = bank().accounts.schedules.read(caller, entry_id), Form(typed={})
    if request.method == "POST":
        try:
            bank().accounts.schedules.cancel(caller, schedule.id)
            return go(f"/schedules/{schedule.id}", done="cancelled")
        except (Refused, Forbidden) as error:
            form.refuse(error, {})
    return page("schedule_cancel", form.status, schedule=schedule, form=form, words=_WORDS)


def _made(caller: Caller, draft: Draft) -> ScheduleDetails | None:
    payment = draft.read()
    first_at = draft.form.read("first", _first_at)
    every, times = draft.form.read("every"), draft.form.read("count", _times)
    if payment is None or draft.form.errors:
        return None
    count(caller)
    ask = Schedule(**asdict(payment), first_at=first_at, every=every, count=times)
    try:
        return bank().accounts.schedules.create(caller, ask, draft.key)
    except InvalidRequest:
        draft.form.errors["first"] = "Choose a day from tomorrow on."
    except (Refused, NotFound) as error:
        draft.refuse(error, payment.currency)
    return None


def _first_at(text: str) -> datetime:
    """Read the first day; it is one to come, or it could not be made once for each form."""
    try:
        first_at = datetime.combine(date.fromisoformat(text), RUNS_AT, UTC)
    except ValueError:
        raise ValueError("Write the date as 2026-12-31.") from None
    if first_at < bank().clock() - timedelta(days=1):
        raise ValueError("Choose a day from tomorrow on.")
    return first_at


def _times(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= COUNT_MAX:
        raise ValueError(f"Type a number from 1 to {COUNT_MAX}, or nothing.")
    return int(text)
