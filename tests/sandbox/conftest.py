"""Fixtures of a sandbox: a process with its first bank, and banks beside it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from accounts_bank.app import create_app
from accounts_bank.collections.passwords import Passwords
from tests.helpers import Http

NOW = "2026-01-31T00:00:00Z"
PEOPLE = [
    {"username": "ada", "accounts": [{"currency": "EUR", "balance_minor": 10_000}]},
    {"username": "ben", "accounts": [{"currency": "EUR", "balance_minor": 500}]},
]
PLAN = {"seed": 7, "now": NOW, "users": PEOPLE}


class SandboxBank:
    """A sandbox bank over HTTP, with the clients of its people."""

    def __init__(self, app: Flask, made: Any) -> None:
        self.id = made["id"]
        self.path = f"/banks/{self.id}"
        self.admin = Under(self.path, app, made["admin_token"])
        self.people = {
            each["username"]: Under(self.path, app, each["access_token"]) for each in made["users"]
        }
        self.accounts = {
            each["username"]: each["accounts"][0] for each in made["users"] if each["accounts"]
        }

    def send(self, payer: str, payee: str, amount_minor: int, **more: Any) -> Any:
        """Transfer EUR between two people."""
        ends = self.accounts[payer], self.accounts[payee]
        return self.people[payer].transfer(*ends, amount_minor, **more)

    def hold(self, payer: str, payee: str, amount_minor: int, expires_in_s: int) -> Any:
        """Hold EUR of one for another."""
        return self._pay("holds", payer, payee, amount_minor, expires_in_s=expires_in_s)

    def schedule(self, payer: str, payee: str, amount_minor: int, **when: Any) -> Any:
        """Schedule transfers of EUR."""
        return self._pay("schedules", payer, payee, amount_minor, **when)

    def _pay(self, kind: str, payer: str, payee: str, amount_minor: int, **more: Any) -> Any:
        fields = {
            "from_account": self.accounts[payer]["id"],
            "to_account": self.accounts[payee]["number"],
            "amount_minor": amount_minor,
            "currency": "EUR",
        }
        answer = self.people[payer]("POST", f"/v1/{kind}", fields | more)
        assert answer.status_code == 201, answer.text
        return answer.json

    def advance(self, **by: Any) -> Any:
        """Advance the clock; answer what the bank says."""
        answer = self.admin("POST", "/v1/sandbox/clock/advance", by)
        assert answer.status_code == 200, answer.text
        return answer.json

    def clock(self) -> Any:
        """Read the clock."""
        return self.admin("GET", "/v1/sandbox/clock").json

    def digest(self) -> str:
        """Read the digest."""
        return str(self.admin("GET", "/v1/sandbox/digest").json["digest"])

    def balance_minor(self, name: str) -> int:
        """Read the balance of a person."""
        return self.people[name].balance_minor(self.accounts[name])


class Under(Http):
    """A caller of a bank under a path."""

    def __init__(self, prefix: str, app: Flask, token: str | None = None) -> None:
        super().__init__(app, token)
        self.prefix = prefix

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        return super().__call__(method, self.prefix + path, body, **more)


@pytest.fixture
def settings() -> dict[str, Any]:
    return {}


@pytest.fixture
def app(passwords: Passwords, settings: dict[str, Any]) -> Iterator[Flask]:
    """Make an open sandbox."""
    made = create_app({"SANDBOX": True, "SANDBOX_OPEN": True} | settings, passwords=passwords)
    yield made
    made.extensions["accounts"].close()


@pytest.fixture
def make(app: Flask, http: Http) -> Any:
    """Make banks beside the first one."""

    def made(**plan: Any) -> SandboxBank:
        answer = http("POST", "/v1/sandbox/banks", PLAN | plan)
        assert answer.status_code == 201, answer.text
        return SandboxBank(app, answer.json)

    return made


@pytest.fixture
def bank(make: Any) -> SandboxBank:
    """Make one bank with Ada and Ben, whose clock stands."""
    return make()
