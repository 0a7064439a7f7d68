"""/health: whether the bank is alive, and whether it is ready."""

from flask import Blueprint, Response, request

from accounts_bank.api.views import write
from accounts_bank.errors import Unavailable
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import bank
from accounts_bank.http.hosts import LIVE_PATH, READY_PATH
from accounts_bank.http.middleware import DRAINING

health = Blueprint("health", __name__)


@health.get(LIVE_PATH)
def live() -> Response:
    """Answer 200 while the process runs."""
    return write(Answer({"status": "live"}))


@health.get(READY_PATH)
def ready() -> Response:
    """Answer 200 if the process takes payments.

    The stores answer, the audit log is writable, the clock is right, and the process does not end.
    """
    if request.environ.get(DRAINING):
        raise Unavailable("This process ends. Send the request to another one.")
    bank().accounts.check()
    bank().users.check()
    bank().check_clock()
    if bank().audit.failing:
        raise Unavailable("The bank cannot write the audit log. Read the log of the process.")
    if bank().due_work.failing:  # other processes have the same stores, and requests still work
        return write(Answer({"status": "ready", "warning": "Due work is postponed. Read the log."}))
    return write(Answer({"status": "ready"}))
