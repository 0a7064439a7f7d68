"""What stands between the bank and the network: whose word counts for where a request came from."""

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from accounts_bank.config import Settings
from accounts_bank.errors import InvalidRequest
from accounts_bank.observability.wsgi import Application

ASKED_BY_ADDRESS = frozenset({"/health/live", "/health/ready", "/metrics"})
"""What load balancers and Prometheus ask of one process, which has no name."""


def trust_hosts(app: Flask, settings: Settings) -> None:
    """Refuse requests to another name than ours, where TRUSTED_HOSTS says what ours are."""
    names = tuple(name.lower() for name in settings.TRUSTED_HOSTS)

    def refuse_other_hosts() -> None:
        host = request.environ.get("HTTP_HOST", "").lower()
        if request.path not in ASKED_BY_ADDRESS and not host_is_trusted(host, names):
            raise InvalidRequest("Nobody of that name is here: see the header Host.")

    if names:
        app.before_request(refuse_other_hosts)


def behind_proxies(application: Application, settings: Settings) -> Application:
    """Believe what the last PROXY_COUNT proxies say of the client's address and of TLS.

    Without them anybody could claim any address: X-Forwarded-For is then not even looked at.
    """
    count = settings.PROXY_COUNT
    return ProxyFix(application, x_for=count, x_proto=count) if count else application
