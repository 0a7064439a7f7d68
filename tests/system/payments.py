"""Clients that pay as the README says, and the checks of their payments."""

import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec

from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.values import Line, Period
from accounts_bank.stores.base import AccountStore
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase
from accounts_bank.stores.sql import Database, SqlAccountStore
from tests.stores.journals import journal_of
from tests.system.servers import ACCOUNTS, Server
from tests.waiting import within

OPENING_MINOR = 1_000
ENOUGH = 50


class Client(Thread):
    """Sends transfers; sends each again, with the same key, until it is answered."""

    def __init__(self, number: int, port: int, token: str, accounts: list[str]) -> None:
        super().__init__(daemon=True)  # it asks for ever, unless it is told to end
        self.random = random.Random(number)  # noqa: S311 - the same walk each time
        self.number, self.token, self.accounts = number, token, accounts
        self.server = Server(None, port)
        self.ended = Event()
        self.answers: dict[str, tuple[int, dict]] = {}
        self.asked: dict[str, dict] = {}
        self.waits_s: list[float] = []
        self.answered_at_s: list[float] = []
        self.sent_again: Counter[str] = Counter()

    def run(self) -> None:
        turn = 0
        while not self.ended.is_set():
            turn += 1
            key = f"{self.number}-{turn}"
            payer, payee = self.random.sample(self.accounts, 2)
            self.asked[key] = {
                "from_account": payer,
                "to_account": payee,
                "amount_minor": self.random.randint(1, 300),
                "currency": "EUR",
                "reference": key,
            }
            asked_s = time.monotonic()
            self.answers[key] = self.answered(key)
            self.answered_at_s.append(time.monotonic())
            self.waits_s.append(self.answered_at_s[-1] - asked_s)
            if self.random.random() < 0.1:
                assert self.answered(key) == self.answers[key]

    def answered(self, key: str) -> tuple[int, dict]:
        while True:
            try:
                status, answer = self.server.ask(
                    "POST", "/v1/transfers", self.asked[key], self.token, **{"Idempotency-Key": key}
                )
                if status in {201, 422}:
                    answer.pop("request_id", None)
                    return status, answer
                assert status == 503, answer
                self.sent_again["503"] += 1
            except (OSError, HTTPException) as error:
                self.sent_again[type(error).__name__] += 1
            time.sleep(0.02)


def started(count: int, server: Server) -> tuple[list[Client], list[str]]:
    """Open four accounts and let clients pay between them; give both."""
    token = server.joined("ada")
    accounts = [server.opened(token, OPENING_MINOR) for _ in range(4)]
    clients = [Client(each, server.port, token, accounts) for each in range(count)]
    for client in clients:
        client.start()
    return clients, accounts


def acknowledged(clients: Sequence[Any]) -> list[dict]:
    """Return the answers of the payments made so far."""
    answers = [each for client in clients for each in list(client.answers.values())]
    return [answer for status, answer in answers if status == 201]


def ended(clients: Sequence[Any]) -> None:
    """Let every client have its last answer, and all of them enough to prove something by."""
    assert within(60, lambda: len(acknowledged(clients)) > ENOUGH)
    for client in clients:
        client.ended.set()
    for client in clients:
        client.join()


def are_done_once(url: str, clients: Sequence[Client], ids: list[str]) -> None:
    """Check the answers against the books and the audit log: nothing lost, nothing twice."""
    answers = {key: each for client in clients for key, each in client.answers.items()}
    asked = {key: each for client in clients for key, each in client.asked.items()}
    done = {key: each for key, (status, each) in answers.items() if status == 201}
    assert len(done) > ENOUGH
    assert answers.keys() == asked.keys()
    with opened_store(url) as store:
        is_done_once(store, done, asked)
        lines = [line for each in ids for line in are_right(store, each)]
        assert Counter(filter(None, map(paid, lines))) == Counter(done.keys())
        assert sum(store.account(each).balance_minor for each in ids) == 4 * OPENING_MINOR
        is_audited_once(url, store, answers)


@contextmanager
def opened_store(url: str) -> Iterator[AccountStore]:
    """Look into a database, without group commit or cache between."""
    if url.startswith("mongodb"):
        with closing(MongoDatabase(url)) as database:
            yield MongoAccountStore(database, decide)
    else:
        with closing(Database(url)) as database:
            yield SqlAccountStore(database, decide)


def paid(line: Line) -> str | None:
    """Give the reference of a payment, None where a line is none."""
    return line.reference if line.kind == "transfer" and line.amount_minor < 0 else None


def is_done_once(store, done: dict[str, dict], asked: dict[str, dict]) -> None:
    """Check that each acknowledged transfer is in the journal as it was asked and answered."""
    for key, answer in done.items():
        kept = store.entry(answer["id"])
        assert msgspec.to_builtins(kept.entry.action) == {"type": "transfer", **asked[key]}
        assert kept.lines[0].balance_minor == answer["from_balance_minor"]


def are_right(store, account_id: str) -> list[Line]:
    """Check the lines of an account against each other and the balance."""
    lines = store.lines(account_id, before=None, period=Period(), limit=10**6)[::-1]
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    running_minor = 0
    for line in lines:
        running_minor += line.amount_minor
        assert line.balance_minor == running_minor >= 0
    assert store.account(account_id).balance_minor == running_minor
    return lines


def is_audited_once(url: str, store, answers: dict[str, tuple[int, dict]]) -> None:
    assert journal_of(store).backlog(10)[0] == 0
    told = [json.loads(line) for line in Path("audit.log").read_text().splitlines()]
    transfers = Counter(line["id"] for line in told if line["event"] == "transfer")
    assert set(transfers.values()) == {1}
    assert len(transfers) == len(answers)
    assert {each["id"] for status, each in answers.values() if status == 201} <= transfers.keys()
    assert subprocess.run([ACCOUNTS, "audit", "verify"], timeout=60, check=False).returncode == 0
    environment = os.environ | {"ACCOUNTS_STORE_URL": url}
    proven = subprocess.run([ACCOUNTS, "verify"], env=environment, timeout=60, check=False)
    assert proven.returncode == 0
