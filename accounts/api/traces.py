"""Traces: which one a request belongs to (W3C Trace Context, level 1)."""

import re
from typing import Any

from flask import Flask

from accounts.config import Settings
from accounts.errors import SettingsError

TRACE = "accounts.trace"
"""Key of the WSGI environment: the ids of the trace and of the span that is our own."""

EXTENSION = "accounts.traces"

_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


def trace_of(environment: dict[str, Any]) -> dict[str, str]:
    """Give the ids of the trace and the span that a request belongs to, nothing where to none.

    The span is our own where OpenTelemetry makes one, else the caller's.
    """
    ids = environment.get(TRACE) or _parent(environment.get("HTTP_TRACEPARENT"))
    return {"trace_id": ids[0], "span_id": ids[1]} if ids else {}


def _parent(header: str | None) -> tuple[str, str] | None:
    found = _PARENT.fullmatch(header) if header else None
    if not found or (found[1] == "00" and found[4]):
        return None
    return found[2], found[3]


def instrument(app: Flask, settings: Settings) -> None:
    """Have a span made of each request, where TRACING says so.

    :raises SettingsError: the extra is not installed.
    """
    if settings.TRACING:
        try:
            # Only who asks for spans needs what makes them.
            from accounts.api import telemetry  # noqa: PLC0415
        except ModuleNotFoundError as error:
            message = f"TRACING needs {error.name}: install the extra, `accounts[tracing]`."
            raise SettingsError(message) from error
        app.wsgi_app = traced = telemetry.Traced(app.wsgi_app)  # type: ignore[method-assign, assignment]
        app.extensions[EXTENSION] = traced


def close(app: Flask) -> None:
    """Send the spans that wait."""
    if EXTENSION in app.extensions:
        app.extensions[EXTENSION].shutdown()
