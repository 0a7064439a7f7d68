"""Web pages: HTML rendered on the server. JavaScript improves them and is not required.

A page parses a form, calls a collection and renders the result. It decides no rule.
"""

from flask import Flask

from accounts_bank.http.bank import EXTENSION
from accounts_bank.web import pages
from accounts_bank.web.account_forms import accounts
from accounts_bank.web.api_keys import api_keys
from accounts_bank.web.approvals import approvals
from accounts_bank.web.auditors import auditors
from accounts_bank.web.cash import cash
from accounts_bank.web.customers import customers
from accounts_bank.web.entrance import entrance
from accounts_bank.web.holds import holds
from accounts_bank.web.limits import limits
from accounts_bank.web.overview import overview
from accounts_bank.web.profile import profile
from accounts_bank.web.sandbox import sandbox
from accounts_bank.web.schedules import schedules
from accounts_bank.web.site import site
from accounts_bank.web.statement import statement
from accounts_bank.web.transfers import transfers

_BLUEPRINTS = (
    site,
    entrance,
    overview,
    accounts,
    statement,
    cash,
    transfers,
    holds,
    schedules,
    limits,
    profile,
    api_keys,
    customers,
    approvals,
    auditors,
)


def register(app: Flask) -> None:
    """Register the pages on a Flask app."""
    pages.register(app)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    if app.extensions[EXTENSION].settings.SANDBOX:
        app.register_blueprint(sandbox)
