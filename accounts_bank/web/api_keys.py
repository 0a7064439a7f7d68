"""Pages of the keys for programs: a list, a form that makes one and shows its secret, an end."""

from contextlib import suppress
from datetime import datetime

from flask import Blueprint, Response, request

from accounts_bank.api.schemas.api_keys import KeyName
from accounts_bank.collections.client import keyed_id, with_time_of
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import ApiKeysFull, InvalidRequest, NotFound
from accounts_bank.http.bank import bank
from accounts_bank.http.messages import parse_time
from accounts_bank.identity import Caller, Scope
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.keys import form_key, new_key
from accounts_bank.web.pages import page, redirect, signed_in

api_keys = Blueprint("api_key_pages", __name__, url_prefix="/profile/keys")

_NAME = Field(
    name="name",
    label="Name",
    kind=KeyName,
    wrong="A name has 1 to 100 characters, with no spaces around it.",
    hint="The program that uses the key, such as Web shop.",
    maxlength=100,
)
_ENDS = Field(
    name="expires_at",
    label="Last day",
    wrong="Choose a day in the future.",
    hint="The key ends at the end of this day (UTC).",
    type="date",
    optional=True,
)
_NO_SCOPE = "Tick what the key may do."
SCOPES = {
    Scope.ACCOUNTS_READ: "Read accounts, balances and statements",
    Scope.ACCOUNTS_WRITE: "Open, change and close accounts",
    Scope.PAYMENTS_READ: "Read payments, holds and schedules",
    Scope.PAYMENTS_WRITE: "Pay: deposits, withdrawals, transfers, reversals",
    Scope.HOLDS_WRITE: "Make, capture and void holds",
    Scope.SCHEDULES_WRITE: "Make and cancel schedules",
    Scope.WEBHOOKS_WRITE: "Change webhook endpoints",
    Scope.EVENTS_READ: "Read events",
}
"""The scopes in words, in the order of the form."""


@api_keys.route("", methods=["GET", "POST"])
@signed_in(Permission.MANAGE_SELF)
def show(caller: Caller) -> Response:
    """List the keys of the user, and end one of them."""
    if request.method == "POST":
        with suppress(NotFound):  # it has ended meanwhile
            bank().users.keys.end(caller, request.form.get("api_key", ""))
        return redirect("/profile/keys", done="ended")
    keys, done = bank().users.keys.of(caller), request.args.get("done")
    return page("api_keys", keys=keys, done=done, now=bank().clock())


@api_keys.route("/new", methods=["GET", "POST"])
@signed_in(Permission.MANAGE_SELF)
def make(caller: Caller) -> Response:
    """Make a key once for each form, and show its secret."""
    key = form_key()
    if key is None:
        return redirect(request.path, key=new_key())
    form = Form(_NAME, _ENDS, typed=request.values)
    ticked = [each for each in Scope if each in request.values.getlist("scope")]
    if request.method == "POST":
        name, ends_at = form.read("name"), form.read("expires_at", _end_of)
        if not ticked:
            form.problem = _NO_SCOPE
        if form.status == 200:  # noqa: PLR2004 - nothing is wrong
            made = _made(caller, form, name, ticked, ends_at, key)
            if made is not None:
                return made
    return page("api_key_new", form.status, form=form, key=key, scopes=SCOPES, ticked=ticked)


def _made(  # noqa: PLR0913, PLR0917 - the values of the form
    caller: Caller,
    form: Form,
    name: str,
    scopes: list[Scope],
    ends_at: datetime | None,
    key: str,
) -> Response | None:
    """Make the key and show its secret; None if the form is refused.

    Its id follows from the user and the form, so no user takes the id of another one's key.
    """
    keys, key_id = bank().users.keys, with_time_of(keyed_id(caller.id, f"api key {key}"), key)
    with suppress(NotFound):
        keys.read(caller, key_id)
        return redirect("/profile/keys", done="twice")
    try:
        made, secret = keys.make(caller, name, scopes, expires_at=ends_at, key_id=key_id)
    except ApiKeysFull as error:
        form.refuse(error, {})
    except InvalidRequest:
        form.errors["expires_at"] = _ENDS.wrong
    else:
        return page("api_key_made", made=made, secret=secret)
    return None


def _end_of(day: str) -> datetime:
    """Return the end of a day.

    :raises ValueError: the text is no day.
    """
    try:
        return parse_time(f"{day}T23:59:59.999999Z", "expires_at")
    except InvalidRequest:
        raise ValueError(_ENDS.wrong) from None
