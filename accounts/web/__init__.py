"""Pages for people: HTML made on the server, which works without JavaScript and better with it.

They parse forms, ask the collections and render what comes of it. No rule is decided here.
"""

from flask import Flask

from accounts.web import pages
from accounts.web.accounts import accounts
from accounts.web.auditors import auditors
from accounts.web.cash import cash
from accounts.web.customers import customers
from accounts.web.entrance import entrance
from accounts.web.holds import holds
from accounts.web.limits import limits
from accounts.web.overview import overview
from accounts.web.profile import profile
from accounts.web.schedules import schedules
from accounts.web.site import site
from accounts.web.statement import statement
from accounts.web.transfers import transfers

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
