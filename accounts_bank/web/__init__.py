"""Pages for people: HTML made on the server, which works without JavaScript and better with it.

They parse forms, ask the collections and render what comes of it. No rule is decided here.
"""

from flask import Flask

from accounts_bank.web import pages
from accounts_bank.web.accounts import accounts
from accounts_bank.web.auditors import auditors
from accounts_bank.web.cash import cash
from accounts_bank.web.customers import customers
from accounts_bank.web.entrance import entrance
from accounts_bank.web.holds import holds
from accounts_bank.web.limits import limits
from accounts_bank.web.overview import overview
from accounts_bank.web.profile import profile
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
    customers,
    auditors,
)


def register(app: Flask) -> None:
    """Add the pages to the app of a bank."""
    pages.register(app)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
