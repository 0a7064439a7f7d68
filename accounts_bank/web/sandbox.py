"""The page of a sandbox: the state of its bank at a glance, and buttons that change it.

It is open as the routes of the sandbox are: to an admin, and to visitors from this machine where
SANDBOX_OPEN is true.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
from flask import Blueprint, Response, current_app, request

from accounts_bank.api import sandbox_access
from accounts_bank.api.clock_operations import NEXT_DUE, end_of
from accounts_bank.api.schemas.sandbox import AdvanceRequest, SnapshotName
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import ApiError, InvalidRequest, NotFound
from accounts_bank.http.bank import bank, sandbox_of
from accounts_bank.http.banks import BANKS_EXTENSION, Banks, Plan
from accounts_bank.http.guard import require
from accounts_bank.http.hosts import PROXY_PREFIX
from accounts_bank.http.messages import device
from accounts_bank.identity import Caller
from accounts_bank.sandbox.clock import Mode
from accounts_bank.sandbox.control import EMPTY, SEED
from accounts_bank.sandbox.faults import Fault, Match, effect_of
from accounts_bank.sandbox.faults import Plan as FaultPlan
from accounts_bank.sandbox.people import READER
from accounts_bank.web import sessions
from accounts_bank.web.pages import page, redirect
from accounts_bank.web.sessions import ForeignForm, SignedOut

sandbox = Blueprint("sandbox_page", __name__)

PATH = "/sandbox"
PEOPLE_SHOWN, DUE_SHOWN, FIRED_SHOWN = 50, 10, 50
STEPS = {"PT1H": "1 hour", "P1D": "1 day", "P1W": "1 week", "P1M": "1 month"}
EFFECTS = {
    "drop=after_commit": "Commit, then lose the answer",
    "drop=before": "Close the connection before the bank acts",
    "answer=503": "Answer 503",
    "delay_ms=2000": "Answer two seconds late",
    "truncate=60": "Cut the answer after 60 bytes",
}
DONE = {
    "advance": "The clock is advanced.",
    "mode": "The clock is set.",
    "reset": "The bank is set back.",
    "restore": "The bank is set back to the snapshot.",
    "keep": "The snapshot is kept.",
    "forget": "The snapshot is deleted.",
    "fault": "The fault waits for a request.",
    "unfault": "The fault is deleted.",
    "make": "A new bank is in the list.",
    "delete": "The bank is deleted.",
}

Fields = Mapping[str, str]


@sandbox.route(PATH, methods=["GET", "POST"])
def show() -> Response:
    """Show the bank; a form changes it and leads back here."""
    caller = _caller()
    if request.method == "GET":
        return _shown()
    act = request.form.get("act", "")
    try:
        if act not in ACTS:
            raise InvalidRequest("Use a button of this page.")
        ACTS[act](request.form)
    except ApiError as error:
        return _shown(error.detail)
    sandbox_access.audit(f"sandbox.page_{act}", caller)
    return redirect(PATH, done=act)


@sandbox.post(f"{PATH}/sign-in")
def sign_in_as() -> Response:
    """Start a session of a user of the bank, without a password."""
    caller = _caller()
    user = bank().users.read(request.form.get("user_id", ""))
    response = sessions.set_cookies(
        redirect("/overview"), user.id, bank().users.enter(user, device(is_of_pages=True))
    )
    sandbox_access.audit("sandbox.page_sign_in", caller)
    return response


def _caller() -> Caller:
    """Return the caller: the visitor that is signed in, or anybody where the sandbox is open.

    :raises SignedOut: the sandbox is not open to a visitor without a session.
    """
    if not sandbox_access.is_open():
        caller = sessions.current_caller()
        require(caller, Permission.CONTROL_SANDBOX)
        return caller
    try:
        return sessions.current_caller()
    except (SignedOut, ForeignForm):
        return sandbox_access.ANYBODY


def _shown(problem: str = "") -> Response:
    own = sandbox_of(bank())
    people, _ = bank().users.page(READER, after="", limit=PEOPLE_SHOWN)
    return page(
        "sandbox",
        HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        problem=problem,
        done=DONE.get(request.args.get("done", "")),
        own=own,
        next_due=own.next_due(),
        due=own.upcoming(DUE_SHOWN),
        fired_shown=FIRED_SHOWN,
        faults=[_told(each, each.left(own.faults.now)) for each in own.faults.all()],
        root=request.environ.get(PROXY_PREFIX, ""),
        banks=_banks().made_by(bank().id),
        bank_id=bank().id,
        people=people,
        names={each.id: each.username for each in people},
        steps=STEPS,
        effects=EFFECTS,
    )


def _told(fault: Fault, left: int) -> dict[str, Any]:
    """Return a fault as the page shows it."""
    do = msgspec.to_builtins(fault.plan.do)
    match = msgspec.to_builtins(fault.plan.match)
    return {"id": fault.id, "do": do, "match": match, "left": left, "hits": fault.hits}


def _banks() -> Banks:
    return cast("Banks", current_app.extensions[BANKS_EXTENSION])


def _advance(fields: Fields) -> None:
    step = fields.get("step", "").strip()
    by = step.startswith("P")
    body = AdvanceRequest(by=step) if by else AdvanceRequest(to=step or NEXT_DUE)
    sandbox_of(bank()).advance(end_of(body))


def _set_mode(fields: Fields) -> None:
    try:
        mode: Mode = msgspec.convert(fields.get("mode"), Mode)
    except msgspec.ValidationError:
        raise InvalidRequest("Use a button of this page.") from None
    sandbox_of(bank()).set_clock(mode, None)


def _reset(fields: Fields) -> None:
    sandbox_of(bank()).restore(SEED if fields.get("to") != EMPTY else EMPTY)


def _keep(fields: Fields) -> None:
    name = fields.get("name", "").strip()
    try:
        msgspec.convert(name, SnapshotName)
    except msgspec.ValidationError:
        message = "Send 1 to 64 letters, digits, `.`, `_` or `-` as the name."
        raise InvalidRequest(message) from None
    sandbox_of(bank()).save(name)


def _add_fault(fields: Fields) -> None:
    effect = fields.get("effect", "")
    if effect not in EFFECTS:
        raise InvalidRequest("Choose one of the faults.")
    match = Match(user=fields.get("user", "").strip()[:100] or None)
    sandbox_of(bank()).faults.add(FaultPlan(match=match, do=effect_of(effect)))


def _delete_bank(fields: Fields) -> None:
    try:
        _banks().delete(bank().id, fields.get("bank_id", ""))
    except NotFound:
        raise InvalidRequest("This bank is deleted already.") from None


ACTS: dict[str, Callable[[Fields], object]] = {
    "advance": _advance,
    "mode": _set_mode,
    "reset": _reset,
    "restore": lambda fields: sandbox_of(bank()).restore(fields.get("name", "")),
    "keep": _keep,
    "forget": lambda fields: sandbox_of(bank()).drop(fields.get("name", "")),
    "fault": _add_fault,
    "unfault": lambda fields: sandbox_of(bank()).faults.drop(fields.get("fault_id", "")),
    "make": lambda _fields: _banks().make(Plan(parent=bank())),
    "delete": _delete_bank,
}
