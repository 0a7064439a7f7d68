"""/metrics: counters and gauges for Prometheus."""

from hmac import compare_digest

from flask import Blueprint, Response, request

from accounts_bank.errors import InvalidToken
from accounts_bank.http.bank import bank
from accounts_bank.http.hosts import METRICS_PATH

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text-based format."""

metrics = Blueprint("metrics", __name__)


@metrics.get(METRICS_PATH)
def read() -> Response:
    """Show the metrics. Where METRICS_TOKEN is set, the caller must send it."""
    token = bank().settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token and not compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise InvalidToken("Send the METRICS_TOKEN as a bearer token.")
    return Response(bank().observer.render(), content_type=MEDIA_TYPE)
