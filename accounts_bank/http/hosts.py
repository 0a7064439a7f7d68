"""Hosts and proxies: the names of the bank, and the proxies that it trusts."""

import re
from collections.abc import Iterable

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from accounts_bank.config import Settings
from accounts_bank.errors import InvalidRequest
from accounts_bank.http.addresses import canonical
from accounts_bank.observability.wsgi import Application, Environment, StartResponse

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


PROXY_PREFIX = "accounts.proxy_prefix"
"""The key of the path under which a proxy shows the bank, in the WSGI environment."""

_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")


def behind_proxies(application: Application, settings: Settings) -> Application:
    """Take address, TLS and path prefix of the client from the last PROXY_COUNT proxies.

    With a count of 0 the headers are ignored, because a client could claim any address.
    """
    count = settings.PROXY_COUNT
    inner = Edge(application, count)
    return ProxyFix(inner, x_for=count, x_proto=count) if count else inner


class Edge:
    """WSGI middleware that makes the client's address canonical, and mounts a proxy's prefix."""

    def __init__(self, application: Application, proxy_count: int) -> None:
        """Wrap an application behind a number of proxies."""
        self._application = application
        self._proxy_count = proxy_count

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. An address that is none gives way to the connection's."""
        given = environment.get("REMOTE_ADDR") or ""
        connected = environment.get("werkzeug.proxy_fix.orig", {}).get("REMOTE_ADDR") or ""
        environment["REMOTE_ADDR"] = canonical(given) or canonical(connected)
        if self._proxy_count:
            self._mount(environment)
        return self._application(environment, start_response)

    def _mount(self, environment: Environment) -> None:
        values = environment.get("HTTP_X_FORWARDED_PREFIX", "").split(",")
        prefix = values[-self._proxy_count :][0].strip().rstrip("/")
        if _PREFIX.fullmatch(prefix):
            environment[PROXY_PREFIX] = prefix
            environment["SCRIPT_NAME"] = prefix + environment.get("SCRIPT_NAME", "")
