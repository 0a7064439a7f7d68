"""Access to the sandbox: an admin, and callers from loopback while SANDBOX_OPEN is true."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import request
from uuid_utils import uuid7

from accounts_bank.api import tokens
from accounts_bank.errors import ApiError
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller, Role

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
ANYBODY = Caller("", Role.ADMIN, "")
"""The caller of an open sandbox that sends no token."""


def is_open() -> bool:
    """Return whether the request needs no token.

    A page of another site in the same browser comes from loopback too. Its requests carry the
    header Origin (Fetch, 3.2), or a Host that an attacker's name server points to loopback. The
    bank's own forms have the Origin `null`, since its pages send no referrer (Fetch, 3.2).
    """
    if not bank().settings.SANDBOX_OPEN or not _is_loopback(request.remote_addr or ""):
        return False
    site = request.headers.get("Sec-Fetch-Site")
    origins = [] if site == "same-origin" else request.headers.getlist("Origin")
    hosts = [f"//{request.host}", *origins]
    return site != "cross-site" and all(urlsplit(each).hostname in LOCAL_NAMES for each in hosts)


def caller() -> Caller:
    """Return the caller of an open sandbox: by its token where it sends a valid one."""
    if "Authorization" not in request.headers:
        return ANYBODY
    try:
        return tokens.caller()
    except (ApiError, *tokens.FAILURES):
        return ANYBODY


def audit(operation: str, caller: Caller) -> None:
    """Write a call into the audit trail. Its id is random: it moves no id of the bank."""
    kind = f"sandbox_{operation.partition('.')[2]}"
    bank().users.note(kind, str(uuid7()), caller.id or None)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
