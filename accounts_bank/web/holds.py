"""Holds: set money aside for somebody, who takes it or gives it up."""

from flask import Blueprint, Response, request
from msgspec.structs import asdict, replace

from accounts_bank.api.schemas.holds import DAY_S, EXPIRES_IN_S
from accounts_bank.collections.holds import HoldDetails
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import Forbidden, NotFound, Refused
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Hold
from accounts_bank.ledger.values import Stage
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.keys import done_with, form_key, new_key
from accounts_bank.web.newest import newest
from accounts_bank.web.pages import go, page, signed_in
from accounts_bank.web.payment_fields import AMOUNT, amount_in, count, why
from accounts_bank.web.payment_form import Draft

holds = Blueprint("hold_pages", __name__)

_LASTS = {3600: "an hour", DAY_S: "a day", EXPIRES_IN_S: "a week", 30 * DAY_S: "30 days"}
_EXPIRES = Field(
    name="expires_in_s",
    label="Set aside for",
    wrong="Choose one of these.",
    hint="Then it is free again by itself.",
    choices=tuple((str(seconds), words) for seconds, words in _LASTS.items()),
)
_BESIDE = {"capture_too_large": "amount"}


@holds.get("/holds")
@signed_in(Permission.READ_OWN)
def look_back(caller: Caller) -> Response:
    """List the holds that the caller pays or is paid by, the newest first."""
    found = newest(
        lambda before, limit: bank().accounts.holds.of(caller, before=before, limit=limit),
        lambda hold: hold.recorded,
    )
    return page("holds", found=found)


@holds.route("/holds/new", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def create(caller: Caller) -> Response:
    """Set money aside, once for each form."""
    if form_key() is None:
        return go(request.path, **(request.args.to_dict() | {"key": new_key()}))
    draft = Draft(caller, _EXPIRES)
    draft.form.typed["expires_in_s"] = draft.form.typed["expires_in_s"] or str(EXPIRES_IN_S)
    if request.method == "POST":
        made = _made(caller, draft)
        if made:
            return go(f"/holds/{made.id}", done="before" if made.replayed else "held")
    done = done_with(bank().accounts.holds.read, caller, key=draft.key)
    return page("hold_new", draft.form.status, done=done, **draft.shown())


@holds.get("/holds/<entry_id>")
@signed_in(Permission.READ_OWN)
def read(caller: Caller, entry_id: str) -> Response:
    """Show a hold to who pays and to who is to be paid."""
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
    """Take what is set aside, or a part of it."""
    return _ended(caller, entry_id, "capture")


@holds.route("/holds/<entry_id>/void", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def void(caller: Caller, entry_id: str) -> Response:
    """Give it up: all of it is free again."""
    return _ended(caller, entry_id, "void")


@holds.get("/captures/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_capture(caller: Caller, entry_id: str) -> Response:
    """Lead from what was captured to its hold."""
    action = bank().accounts.entry(caller, "capture", entry_id).recorded.entry.action
    return go(f"/holds/{action.hold_id}")  # type: ignore[union-attr]


def _made(caller: Caller, draft: Draft) -> HoldDetails | None:
    payment = draft.read()
    lasts_s = draft.form.read("expires_in_s", _lasts_s)
    if payment is None or draft.form.errors:
        return None
    count(caller)
    ask = Hold(**asdict(payment), expires_in_s=lasts_s)
    try:
        return bank().accounts.holds.create(caller, ask, draft.key)
    except (Refused, NotFound) as error:
        draft.refuse(error, payment.currency)
        return None


def _lasts_s(text: str) -> int:
    for seconds in _LASTS:
        if text == str(seconds):
            return seconds
    raise ValueError(_EXPIRES.wrong)


def _ended(caller: Caller, entry_id: str, how: str) -> Response:
    key = form_key()
    if key is None:
        return go(request.path, key=new_key())
    hold = bank().accounts.holds.read(caller, entry_id)
    amount = replace(AMOUNT, optional=True, hint="Leave it empty for all of it.")
    form = Form(*([amount] if how == "capture" else []), typed=request.values)
    if request.method == "POST":
        if _asked(caller, hold, form, key):
            return go(f"/holds/{hold.id}", done=how)
        key = new_key()
    shown = {"hold": hold, "form": form, "may_end": _may_end(caller, hold), "how": how}
    return page("hold_end", form.status, key=key, **shown)


def _asked(caller: Caller, hold: HoldDetails, form: Form, key: str) -> bool:
    """Capture or void a hold; where it cannot be, the form says why."""
    takes = "amount" in form.fields
    amount_minor = form.read("amount", amount_in(hold.action.currency)) if takes else None
    if form.errors:
        return False
    count(caller)
    try:
        if takes:
            bank().accounts.holds.capture(caller, hold.id, key, amount_minor=amount_minor)
        else:
            bank().accounts.holds.void(caller, hold.id, key)
    except (Refused, Forbidden) as error:
        form.refuse(error, _BESIDE, why(error, hold.action.currency))
        return False
    return True


def _may_end(caller: Caller, hold: HoldDetails) -> bool:
    is_open = hold.stage is Stage.OPEN and hold.expires_at > bank().clock()
    return is_open and bank().accounts.holds.may_end(caller, hold)
