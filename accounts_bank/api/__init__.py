"""The API layer: HTTP, JSON and JWT. It calls the collections and nothing below them."""

from flask import Flask, request

from accounts_bank.api import exchange_recording, fault_injection, problems, tokens, views
from accounts_bank.api.docs import docs
from accounts_bank.api.health import health
from accounts_bank.api.metrics import metrics
from accounts_bank.api.registry import operations_of
from accounts_bank.errors import Unavailable
from accounts_bank.http import traces
from accounts_bank.http.bank import EXTENSION, Bank
from accounts_bank.http.banks import BANKS_EXTENSION, BankMount, Banks
from accounts_bank.http.cross_origin import Origins, answer_preflights
from accounts_bank.http.hosts import behind_proxies, trust_hosts
from accounts_bank.http.links import PrefixedLinks
from accounts_bank.http.lost_answers import LostAnswers
from accounts_bank.http.messages import FORM_BODY_MAX_BYTES
from accounts_bank.http.middleware import OVERLOADED, InFlight, RequestMiddleware
from accounts_bank.http.request_head import check_heads, keep_target


def create_api(bank: Bank, banks: Banks) -> Flask:
    """Make the Flask app of a process: of its first bank, and of its sandbox banks."""
    app = Flask("accounts_bank", static_folder=None)
    app.jinja_options = {**app.jinja_options, "extensions": [PrefixedLinks]}
    app.config["MAX_CONTENT_LENGTH"] = FORM_BODY_MAX_BYTES + 1
    app.url_map.merge_slashes = False
    app.extensions |= {EXTENSION: bank, BANKS_EXTENSION: banks}
    traces.instrument(app, bank.settings)
    problems.register(app)
    tokens.register(app, bank.settings)
    keep_target()
    check_heads(app)
    app.before_request(_refuse_if_overloaded)
    trust_hosts(app, bank.settings)
    origins = Origins(bank.settings)
    answer_preflights(app, origins)
    views.register(app, operations_of(bank.settings))
    for blueprint in (health, docs):
        app.register_blueprint(blueprint)
    if not bank.settings.METRICS_ADDRESS:
        app.register_blueprint(metrics)
    answer = problems.answer_outside
    around = RequestMiddleware(app.wsgi_app, bank.traffic, bank.observer, answer, origins.headers)
    if bank.settings.SANDBOX:
        fault_injection.register(app)
        exchange_recording.register(app)
        mounted = behind_proxies(BankMount(around, banks), bank.settings)
        app.wsgi_app = LostAnswers(mounted)  # type: ignore[assignment] # Flask documents it
    else:
        app.wsgi_app = behind_proxies(around, bank.settings)  # type: ignore[assignment] # Flask documents it
    return app


def create_metrics_app(bank: Bank) -> Flask:
    """Make the Flask app of METRICS_ADDRESS, which serves /metrics alone."""
    app = Flask("accounts_bank.metrics", static_folder=None)
    app.extensions[EXTENSION] = bank
    problems.register(app)
    check_heads(app)
    app.register_blueprint(metrics)
    around = RequestMiddleware(app.wsgi_app, InFlight(), bank.observer, problems.answer_outside)
    app.wsgi_app = around  # type: ignore[assignment, method-assign] # Flask documents it
    return app


def _refuse_if_overloaded() -> None:
    if request.environ.get(OVERLOADED):
        raise Unavailable("Too many requests wait already. Send it again later.")
