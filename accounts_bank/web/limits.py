"""Pages for tellers: freeze an account and set its limits."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import AwaitsApproval, Refused
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.values import Account, AccountStatus
from accounts_bank.web.amounts import typed
from accounts_bank.web.approvals import to_approval
from accounts_bank.web.formats import locale
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.pages import page, redirect, signed_in
from accounts_bank.web.payment_fields import amount_in, explain

limits = Blueprint("limit_pages", __name__, url_prefix="/accounts")
limits.register_error_handler(AwaitsApproval, to_approval)

_CREDIT = Field(
    name="credit",
    label="Credit limit",
    hint="How far the balance may fall below zero. Empty or 0: not at all.",
    inputmode="decimal",
    optional=True,
    marked=False,
    maxlength=40,
)
_DAY = Field(
    name="day",
    label="Daily limit",
    hint="How much may leave the account in a day (UTC). Empty: any amount.",
    inputmode="decimal",
    optional=True,
    marked=False,
    maxlength=40,
)
_REFUSED_FIELDS = {"funds_insufficient": "credit"}


@limits.route("/<account>/freeze", methods=["GET", "POST"])
@signed_in(Permission.MANAGE_ACCOUNTS)
def freeze(caller: Caller, account: str) -> Response:
    """Freeze an account."""
    return _set_status(caller, account, AccountStatus.FROZEN)


@limits.route("/<account>/unfreeze", methods=["GET", "POST"])
@signed_in(Permission.MANAGE_ACCOUNTS)
def unfreeze(caller: Caller, account: str) -> Response:
    """Unfreeze an account."""
    return _set_status(caller, account, AccountStatus.OPEN)


@limits.route("/<account>/limits", methods=["GET", "POST"])
@signed_in(Permission.MANAGE_ACCOUNTS)
def limit(caller: Caller, account: str) -> Response:
    """Set the credit limit and the daily limit."""
    found = bank().accounts.account(caller, account)
    form = Form(_CREDIT, _DAY, typed=_as_typed(found) | request.values.to_dict())
    if request.method == "POST" and _set(caller, found, form):
        return redirect(f"/accounts/{found.id}", done="limited")
    return page("account_limits", form.status, form=form, account=found)


def _set_status(caller: Caller, name: str, to: AccountStatus) -> Response:
    found, form = bank().accounts.account(caller, name), Form(typed={})
    if request.method == "POST":
        change = bank().accounts.freeze if to is AccountStatus.FROZEN else bank().accounts.unfreeze
        try:
            change(caller, found.id)
            return redirect(f"/accounts/{found.id}", done=to)
        except Refused as error:
            form.refuse(error, {})
    return page("account_freeze", form.status, form=form, account=found, freezes=to == "frozen")


def _set(caller: Caller, account: Account, form: Form) -> bool:
    """Set both limits; return whether it succeeded. The form shows the errors."""
    credit_minor = form.read("credit", _zero_or(amount_in(account.currency))) or 0
    day_minor = form.read("day", amount_in(account.currency))
    if form.errors:
        return False
    try:
        _submit(caller, account, credit_minor, day_minor)
    except Refused as error:
        form.refuse(error, _REFUSED_FIELDS, explain(error, account.currency))
        return False
    return True


def _submit(caller: Caller, account: Account, credit_minor: int, day_minor: int | None) -> None:
    """Set the limits that differ. Two limits that wait for a second person are two requests."""
    waits: AwaitsApproval | None = None
    if credit_minor != -(account.floor_minor or 0):
        try:
            bank().accounts.limit_credit(caller, account.id, credit_minor)
        except AwaitsApproval as error:
            waits = error
    if day_minor != account.daily_limit_minor:
        bank().accounts.limit_day(caller, account.id, day_minor)
    if waits is not None:
        raise waits


def _zero_or(read: Callable[[str], int]) -> Callable[[str], int]:
    return lambda text: 0 if text == "0" else read(text)


def _as_typed(account: Account) -> dict[str, str]:
    """Return the present limits as texts of the fields."""
    credit_minor, day_minor = -(account.floor_minor or 0), account.daily_limit_minor
    return {
        "credit": typed(credit_minor, account.currency, locale()) if credit_minor else "",
        "day": typed(day_minor, account.currency, locale()) if day_minor is not None else "",
    }
