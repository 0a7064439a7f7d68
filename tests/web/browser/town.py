"""A bank with people in it and three months behind it, the same each time, ending now."""

from datetime import UTC, datetime, timedelta
from random import Random

from flask import Flask

from accounts.api.bank import Bank
from accounts.identity import Caller, Role
from accounts.ledger.actions import Deposit, Transfer, Withdrawal
from accounts.ledger.values import Account
from tests.helpers import PASSWORD

DAYS = 90
SHOPS = ("Bakery on the corner", "Groceries", "Book shop", "Cinema", "Pharmacy", "Coffee")


class Town:
    """Ada, who earns and spends; Bob, whom she pays; and a clock that has been running."""

    def __init__(self, app: Flask) -> None:
        self.bank: Bank = app.extensions["accounts"]
        self.now = datetime.now(UTC) - timedelta(days=DAYS)
        desk = self.bank.accounts._desk
        real, desk.clock = desk.clock, self._clock
        self.ada, self.bob = self._joined("ada", "Ada Lovelace"), self._joined("bob", "Bob Example")
        self.household = self._opened(self.ada, "Household", "EUR")
        self.savings = self._opened(self.ada, "Savings", "EUR")
        self.travel = self._opened(self.ada, "Travel", "USD")
        self.bobs = self._opened(self.bob, "Shared flat", "EUR")
        self._lives(Random(1))  # noqa: S311 - the same each time
        desk.clock = real

    def _clock(self) -> datetime:
        self.now += timedelta(seconds=7)
        return self.now

    def _joined(self, username: str, full_name: str) -> Caller:
        password_hash = self.bank.users._passwords.hash(PASSWORD)
        user = self.bank.users.add(username, password_hash, full_name=full_name)
        return Caller(user.id, Role.CUSTOMER, "")

    def _opened(self, owner: Caller, name: str, currency: str) -> Account:
        return self.bank.accounts.open(owner, name, currency)

    def _lives(self, chance: Random) -> None:
        end = datetime.now(UTC)
        self._pays_in(self.travel, 45_000, "Left over from the last trip")
        for day in range(DAYS):
            self.now = end - timedelta(days=DAYS - day) + timedelta(hours=9)
            if self.now >= end:
                break
            if day % 30 == 2:
                self._pays_in(self.household, 265_000, "Salary")
                self._sends(self.bobs.number, 78_500, "Rent")
                self._sends(self.savings.number, 30_000, "For later")
            if chance.random() < 0.5 and day > 2:
                self._pays_out(chance.randrange(450, 9_500), chance.choice(SHOPS))
        self.now = end - timedelta(minutes=30)
        self._sends(self.bobs.number, 2_350, "Dinner on Friday")

    def _pays_in(self, account: Account, amount_minor: int, reference: str) -> None:
        ask = Deposit(account.id, amount_minor, account.currency, reference)
        self.bank.accounts.deposit(self.ada, ask, None)

    def _pays_out(self, amount_minor: int, reference: str) -> None:
        ask = Withdrawal(self.household.id, amount_minor, "EUR", reference)
        self.bank.accounts.withdraw(self.ada, ask, None)

    def _sends(self, number: str, amount_minor: int, reference: str) -> None:
        ask = Transfer(self.household.id, number, amount_minor, "EUR", reference)
        self.bank.accounts.transfer(self.ada, ask, None)
