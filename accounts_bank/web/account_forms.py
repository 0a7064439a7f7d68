"""Open, rename and close an account."""

from functools import cache

from babel.numbers import get_currency_name, get_territory_currencies
from flask import Blueprint, Response, request
from msgspec.structs import replace

from accounts_bank.api.schemas.accounts import AccountName
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import NotFound, PreconditionFailed, Refused
from accounts_bank.http.bank import bank
from accounts_bank.http.fields import Currency
from accounts_bank.identity import Caller
from accounts_bank.ledger.currencies import DECIMALS
from accounts_bank.ledger.values import Account
from accounts_bank.web.formats import locale
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.keys import form_key, new_key
from accounts_bank.web.pages import page, redirect, signed_in

accounts = Blueprint("account_pages", __name__, url_prefix="/accounts")

_NAME = Field(
    name="name",
    label="Name",
    kind=AccountName,
    wrong="A name has 1 to 100 characters, with no spaces around it.",
    hint="Your own name for it, such as Household or Savings.",
    maxlength=100,
)


@accounts.route("/new", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def open_account(caller: Caller) -> Response:
    """Open an account once for each form."""
    key = form_key()
    if key is None:
        return redirect(request.path, key=new_key())
    typed = {"currency": _likely_currency(caller)} | request.values.to_dict()
    form = Form(_NAME, _currency_field(), typed=typed)
    if request.method == "POST":
        name, currency = form.read("name"), form.read("currency")
        if not form.errors:
            try:
                opened = bank().accounts.open(caller, name, currency, key)
                return redirect(f"/accounts/{opened.id}", done="opened")
            except Refused as error:
                form.refuse(error, {})
                key = new_key()
    return page("account_new", form.status, form=form, key=key)


@accounts.route("/<account>/rename", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def rename(caller: Caller, account: str) -> Response:
    """Rename an account unless its name changed since the form was shown."""
    found = own(caller, account)
    form = Form(_NAME, typed={"name": found.name} | request.values.to_dict())
    if request.method == "POST":
        name, was = form.read("name"), request.form.get("was")
        if not form.errors:
            try:
                bank().accounts.change(
                    caller, found.id, lambda now: now.name in {was, name}, new_name=name
                )
                return redirect(f"/accounts/{found.id}", done="renamed")
            except PreconditionFailed:
                form.problem = (
                    f"The account is now called “{found.name}”. Send this again to rename it."
                )
            except Refused as error:
                form.refuse(error, {})
    return page("account_rename", form.status, form=form, account=found)


@accounts.route("/<account>/close", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def close(caller: Caller, account: str) -> Response:
    """Close an account with a balance of zero."""
    found, form = own(caller, account), Form(typed={})
    if request.method == "POST":
        try:
            bank().accounts.close(caller, found.id)
            return redirect(f"/accounts/{found.id}", done="closed")
        except Refused as error:
            form.refuse(error, {})
    return page("account_close", form.status, form=form, account=found)


def own(caller: Caller, name: str) -> Account:
    """Read an account of the caller for a page that changes it.

    :raises NotFound: the caller does not own the account.
    """
    found = bank().accounts.account(caller, name)
    if found.owner_id != caller.id:
        raise NotFound
    return found


@cache
def _currency_field() -> Field:
    choices = tuple((code, f"{code}, {get_currency_name(code, locale='en')}") for code in DECIMALS)
    return replace(_CURRENCY, choices=tuple(sorted(choices)))


def _likely_currency(caller: Caller) -> str:
    """Return the currency of the caller's first account, or of the visitor's country."""
    found = bank().accounts.of(caller, after=None, limit=1)
    if found:
        return found[0].currency
    territory = locale().territory
    spent = get_territory_currencies(territory) if territory else []
    return spent[0] if spent and spent[0] in DECIMALS else "EUR"


_CURRENCY = Field(
    name="currency",
    label="Currency",
    kind=Currency,
    wrong="Choose one of the currencies.",
    hint="The currency of an account cannot change.",
)
