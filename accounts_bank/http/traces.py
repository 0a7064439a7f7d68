"""Turns tracing on for a Flask app, and sends the last spans at the end."""

from flask import Flask

from accounts_bank.config import Settings
from accounts_bank.errors import SettingsError
from accounts_bank.http.middleware import route_of

EXTENSION = "accounts.traces"


def instrument(app: Flask, settings: Settings) -> None:
    """Make a span of each request if TRACING is on.

    :raises SettingsError: the extra is not installed.
    """
    if settings.TRACING:
        try:
            # The extra is needed only with TRACING.
            from accounts_bank.observability import tracing  # noqa: PLC0415
        except ModuleNotFoundError as error:
            message = f"TRACING needs {error.name}: install the extra, `accounts-bank[tracing]`."
            raise SettingsError(message) from error
        app.wsgi_app = traced = tracing.Traced(app.wsgi_app, route_of)  # type: ignore[method-assign, assignment]
        app.extensions[EXTENSION] = traced


def close(app: Flask) -> None:
    """Send the spans that wait in the buffer."""
    if EXTENSION in app.extensions:
        app.extensions[EXTENSION].shutdown()
