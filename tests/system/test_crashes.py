"""Killed again and again under load: nothing acknowledged is lost, nothing is done twice."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread

import msgspec
import psycopg
import pytest

from accounts.ledger.decide import decide
from accounts.ledger.values import Line, Period
from accounts.stores.mongo import MongoAccountStore, MongoDatabase
from accounts.stores.sql import Database, SqlAccountStore
from tests.system.servers import ACCOUNTS, Server, free_port, served

CLIENTS = 8
CRASHES = int(os.environ.get("CRASHES", "3"))
BETWEEN_CRASHES_S = float(os.environ.get("BETWEEN_CRASHES_S", "2"))
OPENING_MINOR = 1_000


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def url(request):
    """Name an empty database."""
    if request.param == "sqlite":
        return "sqlite:///bank.db"
    if request.param == "mongo":
        return request.getfixturevalue("mongo").emptied("crashes")
    server = request.getfixturevalue("postgres")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS crashes WITH (FORCE)")
        connection.execute("CREATE DATABASE crashes")
    return server.url.removesuffix("postgres") + "crashes"


class Client(Thread):
    """Sends transfers; sends each again, with the same key, until it is answered."""

    def __init__(self, number: int, port: int, token: str, accounts: list[str]) -> None:
        super().__init__()
        self.random = random.Random(number)  # noqa: S311 - the same walk each time
        self.number, self.token, self.accounts = number, token, accounts
        self.server = Server(None, port)
        self.ended = Event()
        self.answers: dict[str, tuple[int, dict]] = {}
        self.asked: dict[str, dict] = {}

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
            self.answers[key] = self.answered(key)
            if self.random.random() < 0.1:
                assert self.answered(key) == self.answers[key]

    def answered(self, key: str) -> tuple[int, dict]:
        while True:
            with suppress(OSError, HTTPException):
                status, answer = self.server.ask(
                    "POST", "/v1/transfers", self.asked[key], self.token, **{"Idempotency-Key": key}
                )
                if status in {201, 422}:
                    answer.pop("request_id", None)
                    return status, answer
                assert status == 503, answer
            time.sleep(0.02)


def killed_again_and_again(url: str, workers: str) -> tuple[list[Client], list[str]]:
    settings = {"ACCOUNTS_STORE_URL": url, "ACCOUNTS_LOG_LEVEL": "ERROR"}
    port, clients, accounts = free_port(), [], []
    for crash in range(CRASHES + 1):
        with served("--workers", workers, port=port, **settings) as server:
            if not crash:
                token = server.joined("ada")
                accounts = [server.opened(token, OPENING_MINOR) for _ in range(4)]
                clients = [Client(each, port, token, accounts) for each in range(CLIENTS)]
                for client in clients:
                    client.start()
            time.sleep(BETWEEN_CRASHES_S)
            if crash < CRASHES:
                os.killpg(server.process.pid, signal.SIGKILL)
            else:
                for client in clients:
                    client.ended.set()
                for client in clients:
                    client.join()
                assert server.stop() == 0
    return clients, accounts


@pytest.fixture
def store(url):
    """Look into the database when everything is over."""
    if url.startswith("mongodb"):
        with closing(MongoDatabase(url)) as database:
            yield MongoAccountStore(database, decide)
    else:
        with closing(Database(url)) as database:
            yield SqlAccountStore(database, decide)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_acknowledged_is_lost_and_nothing_done_twice(url, store, workers):
    clients, ids = killed_again_and_again(url, workers)
    answers = {key: each for client in clients for key, each in client.answers.items()}
    asked = {key: each for client in clients for key, each in client.asked.items()}
    acknowledged = {key: each for key, (status, each) in answers.items() if status == 201}
    assert len(acknowledged) > 50
    assert answers.keys() == asked.keys()
    is_done_once(store, acknowledged, asked)
    paid = [line.reference for each in ids for line in are_right(store, each) if is_payment(line)]
    assert Counter(paid) == Counter(acknowledged.keys())
    assert sum(store.account(each).balance_minor for each in ids) == 4 * OPENING_MINOR
    is_audited_once(url, store, answers)


def is_payment(line: Line) -> bool:
    return line.kind == "transfer" and line.amount_minor < 0


def is_done_once(store, acknowledged: dict[str, dict], asked: dict[str, dict]) -> None:
    """Check that each acknowledged transfer is in the journal as it was asked and answered."""
    for key, answer in acknowledged.items():
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
    assert list(store.unsealed(10)) == []
    told = [json.loads(line) for line in Path("audit.log").read_text().splitlines()]
    transfers = Counter(line["id"] for line in told if line["event"] == "transfer")
    assert set(transfers.values()) == {1}
    assert len(transfers) == len(answers)
    assert {each["id"] for status, each in answers.values() if status == 201} <= transfers.keys()
    assert subprocess.run([ACCOUNTS, "audit", "verify"], timeout=60, check=False).returncode == 0
    environment = os.environ | {"ACCOUNTS_STORE_URL": url}
    proven = subprocess.run([ACCOUNTS, "verify"], env=environment, timeout=60, check=False)
    assert proven.returncode == 0
