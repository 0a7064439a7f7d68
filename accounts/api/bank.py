"""What the views work with, joined in app.py and kept on the app."""

from flask import current_app
from msgspec import Struct

from accounts.api.limits import RateLimits
from accounts.api.requests import Traffic
from accounts.audit.sealer import Sealer
from accounts.audit.verifier import Verifier
from accounts.collections.accounts import AccountCollection
from accounts.collections.users import UserCollection
from accounts.config import Settings

EXTENSION = "accounts"


class Bank(Struct, frozen=True):
    """The bank as the API sees it."""

    users: UserCollection
    accounts: AccountCollection
    audit: Sealer
    verifier: Verifier
    limits: RateLimits
    traffic: Traffic
    settings: Settings


def bank() -> Bank:
    """Give the bank of the app that answers the request."""
    found: Bank = current_app.extensions[EXTENSION]
    return found
