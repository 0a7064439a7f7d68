"""The parts of a bank that the views use; app.py joins them."""

from collections.abc import Callable

from flask import current_app
from msgspec import Struct

from accounts_bank.audit.sealer import Sealer
from accounts_bank.audit.verifier import Verifier
from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import Clock
from accounts_bank.collections.due_work import Runner
from accounts_bank.collections.users import UserCollection
from accounts_bank.config import Settings
from accounts_bank.http.middleware import InFlight
from accounts_bank.http.rate_limits import RateLimits
from accounts_bank.identity import Role
from accounts_bank.observability.observer import Observer

EXTENSION = "accounts"


class DemoUser(Struct, frozen=True):
    """A user of a demo; the sign-in page shows its username and its password."""

    username: str
    password: str
    full_name: str
    role: Role = Role.CUSTOMER


class Bank(Struct, frozen=True):
    """The parts of a bank, for the views."""

    users: UserCollection
    accounts: AccountCollection
    audit: Sealer
    verifier: Verifier
    limits: RateLimits
    traffic: InFlight
    settings: Settings
    observer: Observer
    runner: Runner
    clock: Clock
    close_stores: Callable[[], None]
    check_clock: Callable[[], None]
    demo_users: tuple[DemoUser, ...] = ()

    def close(self) -> None:
        """End the background work, write the rest of the audit log, close the stores."""
        self.runner.close()
        self.audit.close()
        self.close_stores()


def bank() -> Bank:
    """Return the bank of the app that answers the request."""
    found: Bank = current_app.extensions[EXTENSION]
    return found
