"""Send money: fill in, look once more, send; each transfer's own page, and sending it back."""

from functools import partial

from flask import Blueprint, Response, request
from msgspec.structs import asdict, replace

from accounts_bank.collections.client import EntryDetails
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import Forbidden, NotFound, Refused
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Transfer
from accounts_bank.ledger.values import Account
from accounts_bank.web.forms import Form
from accounts_bank.web.keys import done_with, form_key, new_key
from accounts_bank.web.newest import newest
from accounts_bank.web.pages import go, page, signed_in
from accounts_bank.web.payment_fields import AMOUNT, REFERENCE, amount_in, count, why
from accounts_bank.web.payment_form import Draft

transfers = Blueprint("transfer_pages", __name__)

REVERSALS_SHOWN = 25


@transfers.get("/transfers/new")
@signed_in(Permission.TRANSACT)
def write(caller: Caller) -> Response:
    """Show the form, or what it says, to be looked at once more."""
    if form_key() is None:
        return go(request.path, **(request.args.to_dict() | {"key": new_key()}))
    draft = Draft(caller)
    if "amount" not in request.args or "edit" in request.args:
        return _form(caller, draft)
    payment = draft.read()
    if payment is None:
        return _form(caller, draft)
    ask = Transfer(**asdict(payment))
    try:
        outcome = bank().accounts.transfer(caller, ask, draft.key, dry_run=True)
    except (Refused, NotFound) as error:
        draft.refuse(error, ask.currency)
        return _form(caller, draft)
    if outcome.replayed:
        return go(f"/transfers/{outcome.recorded.entry.id}", done="before")
    return _confirmation(caller, draft, ask)


@transfers.post("/transfers/new")
@signed_in(Permission.TRANSACT)
def send(caller: Caller) -> Response:
    """Send it, once for each form."""
    draft = Draft(caller)
    payment = draft.read()
    if payment is None:
        return _form(caller, draft)
    count(caller)
    try:
        outcome = bank().accounts.transfer(caller, Transfer(**asdict(payment)), draft.key)
    except (Refused, NotFound) as error:
        draft.refuse(error, payment.currency)
        return _form(caller, draft)
    done = "before" if outcome.replayed else "sent"
    return go(f"/transfers/{outcome.recorded.entry.id}", done=done)


@transfers.get("/transfers")
@signed_in(Permission.READ_OWN)
def look_back(caller: Caller) -> Response:
    """List the transfers that the caller paid or received, the newest first."""
    found = newest(
        lambda before, limit: bank().accounts.transfers_of(caller, before=before, limit=limit),
        lambda seen: seen.recorded,
    )
    return page("transfers", found=found)


@transfers.get("/transfers/<entry_id>")
@signed_in(Permission.READ_OWN)
def read(caller: Caller, entry_id: str) -> Response:
    """Show a transfer to its payer or its payee, and what of it was sent back."""
    seen = bank().accounts.entry(caller, "transfer", entry_id)
    reversals = bank().accounts.reversals_of(
        caller, seen.recorded.entry.id, before=None, limit=REVERSALS_SHOWN
    )
    return page(
        "transfer",
        seen=seen,
        payer=_shown(caller, seen, 0),
        payee=_shown(caller, seen, 1),
        reversals=reversals,
        may_reverse=_left_minor(seen) > 0 and bank().accounts.may_reverse(caller, seen),
        done=request.args.get("done"),
    )


@transfers.route("/transfers/<entry_id>/reverse", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def reverse(caller: Caller, entry_id: str) -> Response:
    """Send back what a transfer brought, or a part of it, once for each form."""
    key = form_key()
    if key is None:
        return go(request.path, key=new_key())
    seen = bank().accounts.entry(caller, "transfer", entry_id)
    currency, path = _currency(seen), f"/transfers/{seen.recorded.entry.id}"
    hint = "Leave it empty for all that is left."
    amount = replace(AMOUNT, optional=True, hint=hint)
    form = Form(amount, REFERENCE, typed=request.values)
    if request.method == "POST":
        amount_minor = form.read("amount", amount_in(currency))
        ask = partial(bank().accounts.reverse, caller, seen.recorded.entry.id, key)
        reference = form.read("reference")
        if not form.errors:
            count(caller)
            try:
                outcome = ask(amount_minor=amount_minor, reference=reference)
                return go(path, done="reversed before" if outcome.replayed else "reversed")
            except (Refused, Forbidden) as error:
                beside = {"reversal_too_large": "amount", "funds_insufficient": "amount"}
                form.refuse(error, beside, why(error, currency))
                key = new_key()
    elif done_with(bank().accounts.entry, caller, "reversal", key=key):
        return go(path, done="reversed before")
    left_minor = _left_minor(seen)
    shown = {"form": form, "seen": seen, "left_minor": left_minor, "currency": currency}
    return page("transfer_reverse", form.status, key=key, path=path, shown=shown, **shown)


@transfers.get("/reversals/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_reversal(caller: Caller, entry_id: str) -> Response:
    """Lead from a reversal to its transfer."""
    action = bank().accounts.entry(caller, "reversal", entry_id).recorded.entry.action
    return go(f"/transfers/{action.transfer_id}")  # type: ignore[union-attr]


def _form(caller: Caller, draft: Draft) -> Response:
    done = done_with(bank().accounts.entry, caller, "transfer", key=draft.key)
    return page("transfer_new", draft.form.status, done=done, **draft.shown())


def _confirmation(caller: Caller, draft: Draft, ask: Transfer) -> Response:
    payer = bank().accounts.account(caller, ask.from_account)
    try:
        payee = bank().accounts.account(caller, ask.to_account)
    except NotFound:
        payee = None
    left_minor = payer.available_minor - ask.amount_minor
    more = {"ask": ask, "payer": payer, "payee": payee, "left_minor": left_minor}
    return page("transfer_confirm", 200, **draft.shown(), **more)


def _shown(caller: Caller, seen: EntryDetails, side: int) -> Account | None:
    """Give the account on a side, where the caller may see it."""
    account = seen.accounts[side]
    try:
        return bank().accounts.account(caller, account.id)
    except NotFound:
        return None


def _left_minor(seen: EntryDetails) -> int:
    return seen.recorded.lines[1].amount_minor - seen.reversed_minor


def _currency(seen: EntryDetails) -> str:
    return seen.accounts[1].currency
