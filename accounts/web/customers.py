"""For tellers and auditors: find a customer by name or an account by number."""

from flask import Blueprint, Response, request

from accounts.api.bank import bank
from accounts.collections.desk import READS_ALL
from accounts.errors import NotFound
from accounts.identity import Caller
from accounts.ledger.numbers import is_number
from accounts.ledger.values import BANK_ID
from accounts.web.forms import Field, Form
from accounts.web.pages import go, page, signed_in

customers = Blueprint("customer_pages", __name__, url_prefix="/customers")

ACCOUNTS_SHOWN = 100

_NAME = Field(
    name="name",
    label="Username or account number",
    hint="The whole username; capitals do not matter.",
    type="search",
    maxlength=64,
)


@customers.get("")
@signed_in(READS_ALL)
def find(caller: Caller) -> Response:
    """Find a customer, and lead there."""
    form = Form(_NAME, typed=request.args)
    name = form.typed["name"].strip()
    if is_number(name):
        try:
            return go(f"/accounts/{bank().accounts.account(caller, name).id}")
        except NotFound:
            form.errors["name"] = "No account of this bank has this number."
    elif name:
        found = bank().users.named(name)
        if found:
            return go(f"/customers/{found[0].id}")
        form.errors["name"] = "Nobody has this username. A full name is not enough."
    return page("customers", form=form)


@customers.get("/<user_id>")
@signed_in(READS_ALL)
def show(caller: Caller, user_id: str) -> Response:
    """Show a customer with its accounts."""
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
