"""Pages of schedules: create, list, read and cancel."""

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, Response, request

from accounts_bank.api.schemas.schedules import COUNT_MAX
from accounts_bank.collections.permissions import Permission
from accounts_bank.collections.schedules import ScheduleDetails
from accounts_bank.errors import REASONS, Forbidden, InvalidRequest, NotFound, Refused
from accounts_bank.http.bank import bank
from accounts_bank.http.guard import spend_payment
from accounts_bank.http.payments import action_of
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Every, Schedule
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.keys import find_by_key, form_key, new_key
from accounts_bank.web.pages import page, redirect, signed_in
from accounts_bank.web.pagination import newest_first
from accounts_bank.web.payment_form import PaymentForm

schedules = Blueprint("schedule_pages", __name__)

RUNS_AT = time(6)
"""The time of day of a run, in UTC."""

_WORDS = {Every.ONCE: "once", Every.DAY: "every day", Every.WEEK: "every week"}
_WORDS |= {Every.MONTH: "every month"}
_FIRST = Field(
    name="first",
    label="First on",
    hint="From tomorrow on, at 6:00 UTC. A month without this day runs on its last day.",
    type="date",
)
_EVERY = Field(
    name="every",
    label="Then",
    kind=Every,
    wrong="Choose one of the intervals.",
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
def list_own(caller: Caller) -> Response:
    """List the schedules that the caller pays, newest first."""
    found = newest_first(
        lambda before, limit: bank().accounts.schedules.of(caller, before=before, limit=limit)
    )
    return page("schedules", found=found, words=_WORDS)


@schedules.route("/schedules/new", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def create(caller: Caller) -> Response:
    """Create a schedule once for each form."""
    if form_key() is None:
        return redirect(request.path, **(request.args.to_dict() | {"key": new_key()}))
    payment_form = PaymentForm(caller, _FIRST, _EVERY, _COUNT)
    payment_form.form.typed["every"] = payment_form.form.typed["every"] or Every.MONTH
    if request.method == "POST":
        created = _create(caller, payment_form)
        if created:
            return redirect(
                f"/schedules/{created.id}", done="before" if created.replayed else "begun"
            )
    done = find_by_key(bank().accounts.schedules.read, caller, key=payment_form.key)
    return page("schedule_new", payment_form.form.status, done=done, **payment_form.shown())


@schedules.get("/schedules/<entry_id>")
@signed_in(Permission.READ_OWN)
def read(caller: Caller, entry_id: str) -> Response:
    """Show a schedule and its runs."""
    schedule = bank().accounts.schedules.read(caller, entry_id)
    runs = newest_first(
        lambda before, limit: bank().accounts.schedules.runs(
            caller, schedule.id, before=before, limit=limit
        )
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
    """Cancel a schedule."""
    schedule, form = bank().accounts.schedules.read(caller, entry_id), Form(typed={})
    if request.method == "POST":
        try:
            bank().accounts.schedules.cancel(caller, schedule.id)
            return redirect(f"/schedules/{schedule.id}", done="cancelled")
        except (Refused, Forbidden) as error:
            form.refuse(error, {})
    return page("schedule_cancel", form.status, schedule=schedule, form=form, words=_WORDS)


def _create(caller: Caller, payment_form: PaymentForm) -> ScheduleDetails | None:
    payment = payment_form.read()
    first_at = payment_form.form.read("first", _first_at)
    every, times = payment_form.form.read("every"), payment_form.form.read("count", _times)
    if payment is None or payment_form.form.errors:
        return None
    spend_payment(caller)
    action = action_of(Schedule, payment, first_at=first_at, every=every, count=times)
    try:
        return bank().accounts.schedules.create(caller, action, payment_form.key)
    except InvalidRequest:
        payment_form.form.errors["first"] = "Choose a day from tomorrow on."
        payment_form.key = new_key()
    except (Refused, NotFound) as error:
        payment_form.refuse(error, payment.currency)
    return None


def _first_at(text: str) -> datetime:
    """Parse the first day. It must be in the future, so that a repeated form stays valid."""
    try:
        first_at = datetime.combine(date.fromisoformat(text), RUNS_AT, UTC)
    except ValueError:
        raise ValueError("Write the date as 2026-12-31.") from None
    if first_at < bank().clock() - timedelta(days=1):
        raise ValueError("Choose a day from tomorrow on.")
    return first_at


def _times(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= COUNT_MAX:
        raise ValueError(f"Type a number from 1 to {COUNT_MAX}, or leave it empty.")
    return int(text)
