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
    """Say that the process answers."""
    return write(Answer({"status": "live"}))


@health.get(READY_PATH)
def ready() -> Response:
    """Say that the stores answer, that the audit log can be written and that nothing ends here."""
    if request.environ.get(DRAINING):
        raise Unavailable("This process ends: others take the next requests.")
    bank().accounts.check()
    bank().users.check()
    if bank().audit.failing:
        raise Unavailable("The audit log cannot be written.")
    if bank().runner.failing:  # others would do no better, and requests are answered all the same
        return write(
            Answer({"status": "ready", "warning": "What is due is postponed: see the log."})
        )
    return write(Answer({"status": "ready"}))
