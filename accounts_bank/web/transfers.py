"""Pages of transfers: fill in, confirm, send, read and reverse."""

from functools import partial

from flask import Blueprint, Response, request
from msgspec.structs import replace

from accounts_bank.collections.client import EntryDetails
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import AwaitsApproval, Forbidden, NotFound, OwnAccount, Refused
from accounts_bank.http.bank import bank
from accounts_bank.http.guard import spend_payment
from accounts_bank.http.payments import action_of
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Transfer
from accounts_bank.ledger.values import Account
from accounts_bank.web.approvals import to_approval
from accounts_bank.web.forms import Form
from accounts_bank.web.keys import find_by_key, form_key, new_key
from accounts_bank.web.pages import page, redirect, signed_in
from accounts_bank.web.pagination import newest_first
from accounts_bank.web.payment_fields import AMOUNT, REFERENCE, amount_in, explain
from accounts_bank.web.payment_form import PaymentForm

transfers = Blueprint("transfer_pages", __name__)
transfers.register_error_handler(AwaitsApproval, to_approval)

REVERSALS_SHOWN = 25


@transfers.get("/transfers/new")
@signed_in(Permission.TRANSACT)
def write(caller: Caller) -> Response:
    """Show the form or, if it is filled in, the confirmation."""
    if form_key() is None:
        return redirect(request.path, **(request.args.to_dict() | {"key": new_key()}))
    payment_form = PaymentForm(caller)
    if "amount" not in request.args or "edit" in request.args:
        return _form(caller, payment_form)
    payment = payment_form.read()
    if payment is None:
        return _form(caller, payment_form)
    action = action_of(Transfer, payment)
    try:
        outcome = bank().accounts.transfer(caller, action, payment_form.key, dry_run=True)
    except (Refused, NotFound) as error:
        payment_form.refuse(error, action.currency)
        return _form(caller, payment_form)
    if outcome.replayed:
        return redirect(f"/transfers/{outcome.recorded.entry.id}", done="before")
    return _confirmation(caller, payment_form, action)


@transfers.post("/transfers/new")
@signed_in(Permission.TRANSACT)
def send(caller: Caller) -> Response:
    """Make the transfer once for each form."""
    payment_form = PaymentForm(caller)
    payment = payment_form.read()
    if payment is None:
        return _form(caller, payment_form)
    spend_payment(caller)
    try:
        outcome = bank().accounts.transfer(caller, action_of(Transfer, payment), payment_form.key)
    except (Refused, NotFound) as error:
        payment_form.refuse(error, payment.currency)
        return _form(caller, payment_form)
    done = "before" if outcome.replayed else "sent"
    return redirect(f"/transfers/{outcome.recorded.entry.id}", done=done)


@transfers.get("/transfers")
@signed_in(Permission.READ_OWN)
def list_own(caller: Caller) -> Response:
    """List the transfers that the caller paid or received, newest first."""
    found = newest_first(
        lambda before, limit: bank().accounts.transfers_of(caller, before=before, limit=limit)
    )
    return page("transfers", found=found)


@transfers.get("/transfers/<entry_id>")
@signed_in(Permission.READ_OWN)
def read(caller: Caller, entry_id: str) -> Response:
    """Show a transfer to its payer and its payee, with its reversals."""
    seen = bank().accounts.entry(caller, "transfer", entry_id)
    reversals = bank().accounts.reversals.of(
        caller, seen.recorded.entry.id, before=None, limit=REVERSALS_SHOWN
    )
    return page(
        "transfer",
        seen=seen,
        payer=_visible_account(caller, seen, 0),
        payee=_visible_account(caller, seen, 1),
        reversals=reversals,
        may_reverse=_left_minor(seen) > 0 and bank().accounts.reversals.may_create(caller, seen),
        done=request.args.get("done"),
    )


@transfers.route("/transfers/<entry_id>/reverse", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def reverse(caller: Caller, entry_id: str) -> Response:
    """Reverse a transfer, in full or in part, once for each form."""
    key = form_key()
    if key is None:
        return redirect(request.path, key=new_key())
    seen = bank().accounts.entry(caller, "transfer", entry_id)
    currency, path = _currency(seen), f"/transfers/{seen.recorded.entry.id}"
    hint = "Leave it empty for all that is left."
    amount = replace(AMOUNT, optional=True, hint=hint)
    form = Form(amount, REFERENCE, typed=request.values)
    if request.method == "POST":
        amount_minor = form.read("amount", amount_in(currency))
        action = partial(bank().accounts.reversals.create, caller, seen.recorded.entry.id, key)
        reference = form.read("reference")
        if not form.errors:
            spend_payment(caller)
            try:
                outcome = action(amount_minor=amount_minor, reference=reference)
                return redirect(path, done="reversed before" if outcome.replayed else "reversed")
            except (Refused, Forbidden, OwnAccount) as error:
                beside = {"reversal_too_large": "amount", "funds_insufficient": "amount"}
                form.refuse(error, beside, explain(error, currency))
                key = new_key()
    elif find_by_key(bank().accounts.entry, caller, "reversal", key=key):
        return redirect(path, done="reversed before")
    left_minor = _left_minor(seen)
    shown = {"form": form, "seen": seen, "left_minor": left_minor, "currency": currency}
    return page("transfer_reverse", form.status, key=key, path=path, shown=shown, **shown)


@transfers.get("/reversals/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_reversal(caller: Caller, entry_id: str) -> Response:
    """Redirect from a reversal to its transfer."""
    action = bank().accounts.entry(caller, "reversal", entry_id).recorded.entry.action
    return redirect(f"/transfers/{action.transfer_id}")  # type: ignore[union-attr]


def _form(caller: Caller, payment_form: PaymentForm) -> Response:
    done = find_by_key(bank().accounts.entry, caller, "transfer", key=payment_form.key)
    return page("transfer_new", payment_form.form.status, done=done, **payment_form.shown())


def _confirmation(caller: Caller, payment_form: PaymentForm, action: Transfer) -> Response:
    payer = bank().accounts.account(caller, action.from_account)
    try:
        payee = bank().accounts.account(caller, action.to_account)
    except NotFound:
        payee = None
    left_minor = payer.available_minor - action.amount_minor
    more = {"action": action, "payer": payer, "payee": payee, "left_minor": left_minor}
    return page("transfer_confirm", 200, **payment_form.shown(), **more)


def _visible_account(caller: Caller, seen: EntryDetails, side: int) -> Account | None:
    """Return the account of a line if the caller may read it."""
    account = seen.accounts[side]
    try:
        return bank().accounts.account(caller, account.id)
    except NotFound:
        return None


def _left_minor(seen: EntryDetails) -> int:
    return seen.recorded.lines[1].amount_minor - seen.reversed_minor


def _currency(seen: EntryDetails) -> str:
    return seen.accounts[1].currency
