"""Pages for the staff: find a customer by username or an account by number."""

from flask import Blueprint, Response, request

from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import NotFound
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.iban import is_number
from accounts_bank.ledger.values import BANK_ID
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.pages import page, redirect, signed_in

customers = Blueprint("customer_pages", __name__, url_prefix="/customers")

ACCOUNTS_SHOWN = 100

_NAME = Field(
    name="name",
    label="Username or account number",
    hint="The whole username; upper and lower case are equal.",
    type="search",
    maxlength=64,
)


@customers.get("")
@signed_in(Permission.READ_ALL_ACCOUNTS)
def find(caller: Caller) -> Response:
    """Find a customer or an account and redirect to its page."""
    form = Form(_NAME, typed=request.args)
    name = form.typed["name"].strip()
    if is_number(name):
        try:
            return redirect(f"/accounts/{bank().accounts.account(caller, name).id}")
        except NotFound:
            form.errors["name"] = "No account of this bank has this number."
    elif name:
        found = bank().users.find(name)
        if found:
            return redirect(f"/customers/{found[0].id}")
        form.errors["name"] = "No user has this username. Type the username, not the full name."
    return page("customers", form=form)


@customers.get("/<user_id>")
@signed_in(Permission.READ_ALL_ACCOUNTS)
def show(caller: Caller, user_id: str) -> Response:
    """Show a customer and the customer's accounts."""
    if user_id == BANK_ID:
        raise NotFound
    after = request.args.get("after") or None
    found = bank().accounts.of_customer(caller, user_id, after=after, limit=ACCOUNTS_SHOWN + 1)
    shown = found[:ACCOUNTS_SHOWN]
    return page(
        "customer",
        customer=bank().users.read(user_id),
        accounts=shown,
        after=shown[-1].id if len(found) > ACCOUNTS_SHOWN else None,
    )
