"""Hosts and proxies: the names of the bank, and the proxies that it trusts."""

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from accounts_bank.config import Settings
from accounts_bank.errors import InvalidRequest
from accounts_bank.observability.wsgi import Application

API_PREFIX = "/v1/"
"""Every operation stands below it."""

LIVE_PATH, READY_PATH, METRICS_PATH = "/health/live", "/health/ready", "/metrics"

ASKED_BY_ADDRESS = frozenset({LIVE_PATH, READY_PATH, METRICS_PATH})
"""Load balancers and Prometheus ask one process by its address, without a name."""


def trust_hosts(app: Flask, settings: Settings) -> None:
    """Refuse requests to a host that TRUSTED_HOSTS does not list. An empty list permits all."""
    names = tuple(name.lower() for name in settings.TRUSTED_HOSTS)

    def refuse_other_hosts() -> None:
        host = request.environ.get("HTTP_HOST", "").lower()
        if request.path not in ASKED_BY_ADDRESS and not host_is_trusted(host, names):
            raise InvalidRequest("Send the bank's own name in the header Host.")

    if names:
        app.before_request(refuse_other_hosts)


def behind_proxies(application: Application, settings: Settings) -> Application:
    """Take the client's address and TLS from the headers of the last PROXY_COUNT proxies.

    With a count of 0 the headers are ignored, because a client could claim any address.
    """
    count = settings.PROXY_COUNT
    return ProxyFix(application, x_for=count, x_proto=count) if count else application
