"""Measure a transfer, a page of lines and memory as the books grow.

The time covers a whole request without the network: token, JSON, rules and both logs.
"""

import gc
import io
import json
import random
import resource
import tempfile
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from accounts_bank.app import create_app
from accounts_bank.http.bank import EXTENSION, Bank
from accounts_bank.identity import Caller, Role
from accounts_bank.ledger.actions import Deposit, Transfer

SMALL = (100, 1_000)
LARGE = (100_000, 1_000_000)
SAMPLES = 10_000
PASSWORD = "correct horse"  # noqa: S105 - of no real user


class Books:
    """A bank with one customer that has many accounts."""

    def __init__(self, folder: str) -> None:
        self.app = create_app({"AUDIT_LOG": f"{folder}/audit.log", "LOG_FILE": f"{folder}/app.log"})
        self.bank: Bank = self.app.extensions[EXTENSION]
        self.ids: list[str] = []
        self.transfers = 0
        self._random = random.Random(1)  # noqa: S311 - the same books each time
        user = self.bank.users.sign_up("ada", PASSWORD)
        self._caller = Caller(user.id, Role.CUSTOMER, "")
        login = self.send("POST", "/v1/auth/login", {"username": "ada", "password": PASSWORD})
        self._token = json.loads(login)["access_token"]

    _token = ""

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        text = json.dumps(body).encode() if body else b""
        environment = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "5000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"Bearer {self._token}",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(text)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(text),
        }
        statuses: list[str] = []

        def start(status: str, *_: Any) -> Any:
            statuses.append(status)

        answer = b"".join(self.app.wsgi_app(environment, start))
        assert statuses[0].startswith("2"), answer
        return answer

    def grow(self, accounts: int, transfers: int) -> None:
        """Fill the books without the audit log, which would take too long; the numbers stay."""
        collection, on_saved = self.bank.accounts, self.bank.accounts._client._on_saved  # noqa: SLF001
        done = 0
        collection._client._on_saved = lambda _: None  # noqa: SLF001
        while len(self.ids) < accounts or self.transfers < transfers:
            if len(self.ids) < accounts:
                self.ids.append(collection.open(self._caller, "Main", "EUR").id)
                collection.deposit(self._caller, Deposit(self.ids[-1], 10**9, "EUR"), None)
            else:
                payer, payee = self._random.sample(self.ids, 2)
                collection.transfer(self._caller, Transfer(payer, payee, 1, "EUR"), None)
                self.transfers += 1
            done += 1
            if done % 10_000 == 0:
                self.bank.audit.number()
        self.bank.audit.number()
        collection._client._on_saved = on_saved  # noqa: SLF001

    def transfer(self) -> None:
        payer, payee = self._random.sample(self.ids, 2)
        pay = {"from_account": payer, "to_account": payee, "amount_minor": 1, "currency": "EUR"}
        self.send("POST", "/v1/transfers", pay)

    def page(self) -> None:
        self.send("GET", f"/v1/accounts/{self._random.choice(self.ids)}/lines")


def _medians_us(*actions: Callable[[], None]) -> list[float]:
    """Return the median times in microseconds; the actions take turns under equal load."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(SAMPLES):
        for action, taken_s in zip(actions, times, strict=True):
            began_s = perf_counter()
            action()
            taken_s.append(perf_counter() - began_s)
    return [median(taken_s) * 1e6 for taken_s in times]


def _memory_bytes() -> int:
    gc.collect()
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize()


def run() -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        small, large = Books(one), Books(other)
        small.grow(*SMALL)
        large.grow(LARGE[0], 0)
        before_bytes = _memory_bytes()
        large.grow(*LARGE)
        each_bytes = (_memory_bytes() - before_bytes) / LARGE[1]
        for name, actions in (
            ("a transfer", (small.transfer, large.transfer)),
            ("a page of lines", (small.page, large.page)),
        ):
            a, b = _medians_us(*actions)
            print(f"{name}: {a:.0f} us at {SMALL}, {b:.0f} us at {LARGE}: {b / a:.2f} times")
        print(f"memory for each transfer: {each_bytes:.0f} bytes")
        small.bank.close()
        large.bank.close()
