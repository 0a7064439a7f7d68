"""Pages of holds: create, list, read, capture and void."""

from flask import Blueprint, Response, request
from msgspec.structs import replace

from accounts_bank.api.schemas.holds import DAY_S, EXPIRES_IN_S
from accounts_bank.collections.holds import HoldDetails
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import Forbidden, NotFound, OwnAccount, Refused
from accounts_bank.http.bank import bank
from accounts_bank.http.guard import spend_payment
from accounts_bank.http.payments import action_of
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Hold
from accounts_bank.ledger.values import Stage
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.keys import find_by_key, form_key, new_key
from accounts_bank.web.pages import page, redirect, signed_in
from accounts_bank.web.pagination import newest_first
from accounts_bank.web.payment_fields import AMOUNT, amount_in, explain
from accounts_bank.web.payment_form import PaymentForm

holds = Blueprint("hold_pages", __name__)

_LASTS = {3600: "an hour", DAY_S: "a day", EXPIRES_IN_S: "a week", 30 * DAY_S: "30 days"}
_EXPIRES = Field(
    name="expires_in_s",
    label="Set aside for",
    wrong="Choose one of the times.",
    hint="After this time the money is free again.",
    choices=tuple((str(seconds), words) for seconds, words in _LASTS.items()),
)
_REFUSED_FIELDS = {"capture_too_large": "amount"}


@holds.get("/holds")
@signed_in(Permission.READ_OWN)
def list_own(caller: Caller) -> Response:
    """List the holds of which the caller is the payer or the payee, newest first."""
    found = newest_first(
        lambda before, limit: bank().accounts.holds.of(caller, before=before, limit=limit)
    )
    return page("holds", found=found)


@holds.route("/holds/new", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def create(caller: Caller) -> Response:
    """Create a hold once for each form."""
    if form_key() is None:
        return redirect(request.path, **(request.args.to_dict() | {"key": new_key()}))
    payment_form = PaymentForm(caller, _EXPIRES)
    typed = payment_form.form.typed
    typed["expires_in_s"] = typed["expires_in_s"] or str(EXPIRES_IN_S)
    if request.method == "POST":
        created = _create(caller, payment_form)
        if created:
            return redirect(f"/holds/{created.id}", done="before" if created.replayed else "held")
    done = find_by_key(bank().accounts.holds.read, caller, key=payment_form.key)
    return page("hold_new", payment_form.form.status, done=done, **payment_form.shown())


@holds.get("/holds/<entry_id>")
@signed_in(Permission.READ_OWN)
def read(caller: Caller, entry_id: str) -> Response:
    """Show a hold to its payer and its payee."""
    hold = bank().accounts.holds.read(caller, entry_id)
    return page(
        "hold",
        hold=hold,
        is_payer=hold.payer.owner_id == caller.id,
        is_payee=hold.payee.owner_id == caller.id,
        may_end=_may_end(caller, hold),
        done=request.args.get("done"),
    )


@holds.route("/holds/<entry_id>/capture", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def capture(caller: Caller, entry_id: str) -> Response:
    """Capture a hold, in full or in part."""
    return _end(caller, entry_id, "capture")


@holds.route("/holds/<entry_id>/void", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def void(caller: Caller, entry_id: str) -> Response:
    """Void a hold."""
    return _end(caller, entry_id, "void")


@holds.get("/captures/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_capture(caller: Caller, entry_id: str) -> Response:
    """Redirect from a capture to its hold."""
    action = bank().accounts.entry(caller, "capture", entry_id).recorded.entry.action
    return redirect(f"/holds/{action.hold_id}")  # type: ignore[union-attr]


def _create(caller: Caller, payment_form: PaymentForm) -> HoldDetails | None:
    payment = payment_form.read()
    expires_in_s = payment_form.form.read("expires_in_s", _expires_in_s)
    if payment is None or payment_form.form.errors:
        return None
    spend_payment(caller)
    action = action_of(Hold, payment, expires_in_s=expires_in_s)
    try:
        return bank().accounts.holds.create(caller, action, payment_form.key)
    except (Refused, NotFound) as error:
        payment_form.refuse(error, payment.currency)
        return None


def _expires_in_s(text: str) -> int:
    for seconds in _LASTS:
        if text == str(seconds):
            return seconds
    raise ValueError(_EXPIRES.wrong)


def _end(caller: Caller, entry_id: str, how: str) -> Response:
    key = form_key()
    if key is None:
        return redirect(request.path, key=new_key())
    hold = bank().accounts.holds.read(caller, entry_id)
    amount = replace(AMOUNT, optional=True, hint="Leave it empty for all of it.")
    form = Form(*([amount] if how == "capture" else []), typed=request.values)
    if request.method == "POST":
        if _submit(caller, hold, form, key):
            return redirect(f"/holds/{hold.id}", done=how)
        key = new_key()
    shown = {"hold": hold, "form": form, "may_end": _may_end(caller, hold), "how": how}
    return page("hold_end", form.status, key=key, **shown)


def _submit(caller: Caller, hold: HoldDetails, form: Form, key: str) -> bool:
    """Capture or void a hold; return whether it succeeded. The form shows the errors."""
    takes = "amount" in form.fields
    amount_minor = form.read("amount", amount_in(hold.action.currency)) if takes else None
    if form.errors:
        return False
    spend_payment(caller)
    try:
        if takes:
            bank().accounts.holds.capture(caller, hold.id, key, amount_minor=amount_minor)
        else:
            bank().accounts.holds.void(caller, hold.id, key)
    except (Refused, Forbidden, OwnAccount) as error:
        form.refuse(error, _REFUSED_FIELDS, explain(error, hold.action.currency))
        return False
    return True


def _may_end(caller: Caller, hold: HoldDetails) -> bool:
    is_open = hold.stage is Stage.OPEN and hold.expires_at > bank().clock()
    return is_open and bank().accounts.holds.may_end(caller, hold)
