"""A customer of a store: asks entries of it by hand, without collections in between."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.actions import Action, Deposit, OpenAccount, Transfer
from accounts_bank.ledger.entries import Entry, Needs, Outcome
from accounts_bank.ledger.values import Account, Line, Period
from accounts_bank.stores.base import AccountStore
from tests.helpers import START, Ids

EVER = Period()
RACE_S = 60.0
"""The patience of the threads of a race, in seconds."""


class Books:
    """An account store, with accounts known by short names."""

    def __init__(self, store: AccountStore, *, patience_s: float = 0.0) -> None:
        """Keep books in a store.

        :param patience_s: how long to send an entry again while other threads hold the store
        """
        self.store, self.patience_s = store, patience_s
        self.ids = Ids()
        self.opened: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self._seconds = itertools.count(1)

    def entry(self, action: Action, *, entry_id: str = "", at: datetime | None = None) -> Entry:
        at = at or START + timedelta(seconds=next(self._seconds))
        entry = Entry(entry_id or self.ids(), self.caller(action), at, action)
        if isinstance(action, OpenAccount):
            self.owners[entry.id] = action.owner_id
        return entry

    def caller(self, action: Action) -> str:
        """Return the caller: the payer of a payment; other actions have none in particular."""
        return self.owners.get(getattr(action, "from_account", ""), "caller")

    def ask(self, action: Action, **more: Any) -> Outcome:
        entry, until_s = self.entry(action, **more), monotonic() + self.patience_s
        while True:
            try:
                (outcome,) = self.store.append([entry])
            except Unavailable as error:
                if not error.detail.startswith("Too many requests") or monotonic() > until_s:
                    raise
            else:
                return outcome

    def given(self, **balances_minor: int) -> None:
        """Open a EUR account for each, owned by `owner-<name>`, and pay the amount in."""
        for name, amount_minor in balances_minor.items():
            self.opened[name] = self.open(f"owner-{name}").id
            if amount_minor:
                self.ask(Deposit(self.opened[name], amount_minor, "EUR"))

    def open(self, owner_id: str) -> Account:
        outcome = self.ask(OpenAccount(owner_id, "Main", "EUR"))
        account = self.store.account(outcome.recorded.entry.id)
        self.owners[account.number] = owner_id
        return account

    def transfer(self, payer: str, payee: str, amount_minor: int) -> Transfer:
        return Transfer(self.opened[payer], self.opened[payee], amount_minor, "EUR")

    def send(self, payer: str, payee: str, amount_minor: int, **more: Any) -> str:
        return str(self.ask(self.transfer(payer, payee, amount_minor), **more).status)

    def balances(self) -> dict[str, int]:
        found = self.store.load(Needs(accounts=frozenset(self.opened.values()))).accounts
        return {name: found[each].balance_minor for name, each in self.opened.items()}

    def lines(self, name: str, *, limit: int = 10**6) -> list[Line]:
        """Give all lines of an account, the oldest first."""
        found = self.store.lines(self.opened[name], before=None, period=EVER, limit=limit)
        return found[::-1]


def at_once(count: int, act: Any) -> list[Any]:
    """Call `act(n)` for each n below `count`, each in a thread of its own."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))
