"""/health: whether the bank is alive, and whether it is ready."""

from flask import Blueprint, Response

from accounts.api.bank import bank
from accounts.api.http import answer
from accounts.errors import Unavailable

health = Blueprint("health", __name__, url_prefix="/health")


@health.get("/live")
def live() -> Response:
    """Say that the process answers."""
    return answer({"status": "live"})


@health.get("/ready")
def ready() -> Response:
    """Say that the stores answer and that the audit log can be written."""
    bank().accounts.check()
    bank().users.check()
    if bank().audit.failing:
        raise Unavailable("The audit log cannot be written.")
    return answer({"status": "ready"})
