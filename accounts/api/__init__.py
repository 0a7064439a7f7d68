"""The API layer: HTTP, JSON and JWT. It calls the collections, and nothing below them."""

from flask import Flask, request

from accounts.api import problems, tokens, traces
from accounts.api.accounts import accounts
from accounts.api.audit import audit
from accounts.api.auth import auth
from accounts.api.bank import EXTENSION, Bank
from accounts.api.docs import docs
from accounts.api.edges import behind_proxies, trust_hosts
from accounts.api.health import health
from accounts.api.holds import holds
from accounts.api.http import FORM_BODY_MAX_BYTES
from accounts.api.metrics import metrics
from accounts.api.money import money
from accounts.api.requests import OVERLOADED, Around
from accounts.api.schedules import schedules
from accounts.api.transfers import transfers
from accounts.api.users import users
from accounts.errors import Unavailable

_V1 = (users, auth, accounts, money, transfers, holds, schedules, audit)


def create_api(bank: Bank) -> Flask:
    """Make the Flask app of a bank."""
    app = Flask("accounts", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = FORM_BODY_MAX_BYTES + 1
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = bank
    traces.instrument(app, bank.settings)
    problems.register(app)
    tokens.register(app, bank.settings)
    app.before_request(_refuse_if_overloaded)
    trust_hosts(app, bank.settings)
    for blueprint in (
        users,
        auth,
        accounts,
        money,
        transfers,
        holds,
        schedules,
        audit,
        health,
        metrics,
        docs,
    ):
        app.register_blueprint(blueprint)
    around = Around(app.wsgi_app, bank.traffic, bank.watch)
    app.wsgi_app = behind_proxies(around, bank.settings)  # type: ignore[assignment]
    return app


def _refuse_if_overloaded() -> None:
    if request.environ.get(OVERLOADED):
        raise Unavailable("Too many requests wait already.")
