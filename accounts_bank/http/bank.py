"""The parts of a bank that the views use; app.py joins them."""

from collections.abc import Callable

from flask import current_app, has_request_context, request
from msgspec import Struct

from accounts_bank.audit.sealer import Sealer
from accounts_bank.audit.verifier import Verifier
from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import Clock
from accounts_bank.collections.due_work import DueWork
from accounts_bank.collections.runner import Runner
from accounts_bank.collections.users import UserCollection
from accounts_bank.config import Settings
from accounts_bank.errors import NotFound
from accounts_bank.events.feed import EventFeed
from accounts_bank.http.middleware import InFlight
from accounts_bank.http.rate_limits import RateLimits
from accounts_bank.observability.observer import Observer
from accounts_bank.sandbox.control import Sandbox
from accounts_bank.sandbox.demo import DemoUser

EXTENSION = "accounts"


BANK = "accounts.bank"
"""The key of the bank in the WSGI environment; without it the first bank answers."""


class Bank(Struct, frozen=True, kw_only=True):
    """The parts of a bank, for the views.

    :param id: the id of a sandbox bank; "" for the first bank of the process.
    :param runner: the runner of the process.
    :param close_stores: frees the stores of the bank.
    :param sandbox: the controls of the bank; None where SANDBOX is off.
    """

    users: UserCollection
    accounts: AccountCollection
    audit: Sealer
    events: EventFeed
    verifier: Verifier
    limits: RateLimits
    traffic: InFlight
    settings: Settings
    observer: Observer
    runner: Runner
    due_work: DueWork
    clock: Clock
    close_stores: Callable[[], None]
    check_clock: Callable[[], None]
    demo_users: tuple[DemoUser, ...] = ()
    id: str = ""
    sandbox: Sandbox | None = None

    def close(self) -> None:
        """End the background work, write the rest of the audit log, close the stores."""
        if self.id:
            self.runner.remove(self.due_work)
        else:
            self.runner.close()
        self.events.bell.close()
        self.audit.close()
        self.close_stores()


def bank() -> Bank:
    """Return the bank that the request is sent to; outside of a request, the first bank."""
    found: Bank | None = request.environ.get(BANK) if has_request_context() else None
    return found or first_bank()


def first_bank() -> Bank:
    """Return the bank that the process serves at `/`."""
    found: Bank = current_app.extensions[EXTENSION]
    return found


def sandbox_of(bank: Bank) -> Sandbox:
    """Return the controls of a bank.

    :raises NotFound: the bank is no sandbox.
    """
    if bank.sandbox is None:
        raise NotFound
    return bank.sandbox
