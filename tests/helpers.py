"""The words in which the tests speak."""

import itertools
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from accounts_bank.api.openapi import _codes
from accounts_bank.api.openapi_schemas import problem_name, problem_schemas
from accounts_bank.api.problems import CATALOGUE, MEDIA_TYPE
from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.approvals import FourEyes
from accounts_bank.collections.due_work import DueWork
from accounts_bank.collections.holds import HoldDetails
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.schedules import ScheduleDetails
from accounts_bank.collections.users import UserCollection
from accounts_bank.errors import ApiError
from accounts_bank.identity import Caller, Role
from accounts_bank.ledger.actions import Deposit, Every, Hold, Schedule, Transfer
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.values import Account
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.memory import InMemoryAccountStore, InMemoryUserStore

PASSWORD = "correct horse"
AUDITOR = "auditor"
TELLER = "teller"
START = datetime(2026, 1, 1, tzinfo=UTC)
_PROBLEMS = problem_schemas()
PROBLEM_MEMBERS = {code: {*_PROBLEMS[problem_name(code)]["properties"]} for code in CATALOGUE}


class Clock:
    """A clock that goes on by a second each time it is read."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Ids:
    """Ids that count up: 0...01, 0...02, in the shape of UUIDs."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        return f"00000000-0000-7000-8000-{next(self._numbers):012d}"


def cheap() -> Passwords:
    """Hash at the least cost there is."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class Teller:
    """The business layer, with customers known by their first names."""

    def __init__(
        self,
        account_store: AccountStore | None = None,
        user_store: UserStore | None = None,
        *,
        customer_cash: bool = True,
        four_eyes: FourEyes | None = None,
    ) -> None:
        self.clock, self.ids, self.seals = Clock(), Ids(), 0
        self.store = account_store or InMemoryAccountStore(decide)
        self.user_store = user_store or InMemoryUserStore()
        self.accounts = AccountCollection(
            self.store,
            clock=self.clock,
            new_id=self.ids,
            on_saved=self._saved,
            customer_cash=customer_cash,
            four_eyes=four_eyes or FourEyes(),
        )
        self.due_work = DueWork(self.store, clock=self.clock, on_saved=self._saved)
        self.users = UserCollection(
            self.user_store,
            self.accounts,
            passwords=cheap(),
            clock=self.clock,
            new_id=self.ids,
            session_lasts=timedelta(days=30),
            on_saved=self._saved,
        )
        self.callers: dict[str, Caller] = {}
        self.opened: dict[str, Account] = {}

    def caller(self, name: str, role: Role = Role.CUSTOMER) -> Caller:
        """Give a caller by first name, the same one each time."""
        return self.callers.setdefault(name, Caller(f"user-{name}", role, "session"))

    def given(self, **balances_minor: int) -> None:
        """Open a EUR account for each and pay the amount in."""
        for name, amount_minor in balances_minor.items():
            self.opened[name] = self.accounts.open(self.caller(name), name.title(), "EUR")
            if amount_minor:
                self.deposit(name, amount_minor)

    def deposit(self, name: str, amount_minor: int, *, key: str | None = None) -> str:
        """Pay in; answer the status or the code of the refusal."""
        action = Deposit(self.opened[name].id, amount_minor, "EUR")
        return self._said(lambda: self.accounts.deposit(self.caller(name), action, key))

    def send(self, payer: str, payee: str, amount_minor: int, *, key: str | None = None) -> str:
        """Transfer; answer the status or the code of the refusal."""
        ask = Transfer(self.opened[payer].id, self.opened[payee].number, amount_minor, "EUR")
        return self._said(lambda: self.accounts.transfer(self.caller(payer), ask, key))

    def hold(
        self, payer: str, payee: str, amount_minor: int, *, expires_in_s: int = 60, **more: Any
    ) -> HoldDetails:
        """Set money aside."""
        names = self.opened[payer].id, self.opened[payee].number
        ask = Hold(*names, amount_minor, "EUR", expires_in_s)
        return self.accounts.holds.create(self.caller(payer), ask, more.pop("key", None), **more)

    def schedule(self, payer: str, payee: str, amount_minor: int, **more: Any) -> ScheduleDetails:
        """Begin a schedule, daily from now on where nothing else is said."""
        names = self.opened[payer].id, self.opened[payee].number
        when: dict[str, Any] = {"first_at": self.clock.now, "every": Every.DAY} | more
        key = when.pop("key", None)
        ask = Schedule(*names, amount_minor, "EUR", **when)
        return self.accounts.schedules.create(self.caller(payer), ask, key)

    def balances(self) -> dict[str, int]:
        """Give every balance, by first name."""
        return {
            name: self.accounts.account(self.caller(name), account.id).balance_minor
            for name, account in self.opened.items()
        }

    def _saved(self, _count: int) -> None:
        self.seals += 1

    @staticmethod
    def _said(act: Any) -> str:
        try:
            return str(act().status)
        except ApiError as error:
            return error.code


class Http:
    """A caller of the API: a stranger, until it signs in."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self.app = app
        self.token = token
        self.refresh_token: str | None = None

    def __call__(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any
    ) -> TestResponse:
        """Make one request; `key` is the idempotency key."""
        headers = dict(more.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            more["json"] = body
        answer = self.app.test_client().open(
            path, method=method, headers=headers, buffered=True, **more
        )
        self._is_declared(answer)
        return answer

    def _is_declared(self, answer: TestResponse) -> None:
        """Hold each refusal to what its route declares, and so to the contract that is served."""
        asked = answer.request
        if answer.mimetype != MEDIA_TYPE or asked.method == "HEAD":
            return
        with suppress(HTTPException):  # no route, or not by that method
            endpoint, _ = self.app.url_map.bind("").match(asked.path, asked.method)
            operation = getattr(self.app.view_functions[endpoint], "operation", None)
            declared = _codes(operation) if operation else CATALOGUE
            assert answer.json["code"] in declared, (asked.path, answer.text)
            assert answer.json.keys() <= PROBLEM_MEMBERS[answer.json["code"]], answer.text

    def signed_in(self, username: str, password: str = PASSWORD, **more: Any) -> "Http":
        """Sign in; answer a caller with its tokens."""
        answer = self(
            "POST", "/v1/auth/login", {"username": username, "password": password}, **more
        )
        assert answer.status_code == 200, answer.text
        other = Http(self.app, answer.json["access_token"])
        other.refresh_token = answer.json["refresh_token"]
        return other

    def joined(self, username: str) -> "Http":
        """Sign up and sign in."""
        answer = self("POST", "/v1/users", {"username": username, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return self.signed_in(username)

    def opened(self, balance_minor: int = 0, currency: str = "EUR") -> dict[str, Any]:
        """Open an account and pay in; answer the account as it then is."""
        made = self("POST", "/v1/accounts", {"name": "Main", "currency": currency})
        assert made.status_code == 201, made.text
        if balance_minor:
            fields = {
                "account": made.json["id"],
                "amount_minor": balance_minor,
                "currency": currency,
            }
            assert self("POST", "/v1/deposits", fields).status_code == 201
        return dict(self("GET", f"/v1/accounts/{made.json['id']}").json)

    def transfer(
        self, payer: Any, payee: Any, amount_minor: Any, *, key: str | None = None, **more: Any
    ) -> TestResponse:
        """Transfer EUR between two accounts, the payee's named by number."""
        fields = {
            "from_account": payer["id"],
            "to_account": payee["number"],
            "amount_minor": amount_minor,
            "currency": "EUR",
            **more,
        }
        return self("POST", "/v1/transfers", fields, key=key)

    def balance_minor(self, account: Any) -> int:
        """Read a balance."""
        return int(self("GET", f"/v1/accounts/{account['id']}").json["balance_minor"])


def code(answer: TestResponse) -> tuple[int, str]:
    """Give status and code of a problem, having checked that it is one."""
    assert answer.mimetype == "application/problem+json", answer.text
    problem = answer.json
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert {"type", "title", "detail"} <= problem.keys()
    return answer.status_code, problem["code"]


def locked() -> sqlite3.OperationalError:
    """Make SQLite's error where another connection holds the lock."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error
