"""Clients that ask for everything there is: holds, captures, reversals, bulk, schedules."""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.client import HTTPException
from os import environ
from random import Random
from threading import Event, Thread
from typing import Any

from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.values import Status
from tests.system.payments import opened_store
from tests.system.servers import ACCOUNTS, Server

ANSWERED = {200, 201, 422}
MODES = ("each", "stop", "atomic")
KINDS = {"hold", "capture", "void", "transfer", "reversal", "bulk", "schedule"}
HOLD_ENDS = ("capture", "capture", "void", "nothing")


class Mixed(Thread):
    """Asks one thing after another; sends each again, with the same key, until it is answered."""

    def __init__(self, number: int, port: int, token: str, accounts: list[str]) -> None:
        super().__init__(daemon=True)  # it asks for ever, unless it is told to end
        self.random = Random(f"mixed {number}")  # noqa: S311 - the same walk each time
        self.number, self.token, self.accounts = number, token, accounts
        self.server, self.ended, self.turn = Server(None, port), Event(), 0
        self.asked: dict[str, tuple[str, dict[str, Any]]] = {}
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {}

    def run(self) -> None:
        deeds: list[Callable[[], Any]] = [self.hold, self.send_back, self.bulk, self.schedule]
        while not self.ended.is_set():
            self.random.choice(deeds)()

    def payment(self) -> dict[str, Any]:
        payer, payee = self.random.sample(self.accounts, 2)
        amount_minor = self.random.randint(1, 300)
        named = {"from_account": payer, "to_account": payee}
        return {**named, "amount_minor": amount_minor, "currency": "EUR"}

    def hold(self) -> None:
        """Set money aside, and end that, or let it expire."""
        lasts = {"expires_in_s": self.random.choice([1, 60])}
        status, hold = self.ask("/v1/holds", self.payment() | lasts)
        how = self.random.choice(HOLD_ENDS)
        if status == 201 and how != "nothing":
            part = {"amount_minor": self.random.randint(1, hold["amount_minor"])}
            self.ask(f"/v1/holds/{hold['id']}/{how}", part if how == "capture" else {})

    def send_back(self) -> None:
        status, sent = self.ask("/v1/transfers", self.payment())
        if status == 201:
            for _ in range(2):
                part = {"amount_minor": self.random.randint(1, sent["amount_minor"])}
                self.ask(f"/v1/transfers/{sent['id']}/reversals", part)

    def bulk(self) -> None:
        some = [self.payment() for _ in range(self.random.randint(1, 6))]
        self.ask("/v1/transfers/bulk", {"mode": self.random.choice(MODES), "transfers": some})

    def schedule(self) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.ask("/v1/schedules", self.payment() | {"first_at": now, "every": "once"})

    def ask(self, path: str, wish: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.turn += 1
        key = f"mixed-{self.number}-{self.turn}"
        self.asked[key] = path, wish
        self.answers[key] = self.answered(key)
        if self.random.random() < 0.1:
            assert self.answered(key) == self.answers[key]
        return self.answers[key]

    def answered(self, key: str) -> tuple[int, dict[str, Any]]:
        path, wish = self.asked[key]
        while True:
            try:
                headers = {"Idempotency-Key": key}
                status, answer = self.server.ask("POST", path, wish, self.token, **headers)
                if status in ANSWERED:
                    answer.pop("request_id", None)
                    return status, answer
                assert status == 503, answer
            except (OSError, HTTPException):
                pass
            time.sleep(0.02)

    def await_runs(self) -> None:
        """Wait until every schedule has had its run."""
        for path, answer in self.done():
            while path == "/v1/schedules":
                found = self.server.ask("GET", f"{path}/{answer['id']}", token=self.token)[1]
                if found["status"] == "ended":
                    break
                time.sleep(0.1)

    def done(self) -> list[tuple[str, dict[str, Any]]]:
        """Give path and answer of everything that was not refused."""
        return [
            (self.asked[key][0], answer)
            for key, (status, answer) in list(self.answers.items())
            if status != 422
        ]


def all_is_done_once(url: str, clients: Sequence[Mixed], ids: list[str], total_minor: int) -> None:
    """Check the answers against the books: nothing lost, nothing twice, all of it proven."""
    asked = Counter(kind_of(path) for each in clients for path, _ in each.asked.values())
    done = [each for client in clients for each in client.done()]
    assert is_all_kinds(clients)
    with opened_store(url) as store:
        with store.ledger() as ledger:
            entries = list(ledger.entries)
        kept = Counter(each.entry.kind for each in entries)
        assert {kind: kept[kind] for kind in asked if kind != "transfer"} == {
            kind: count for kind, count in asked.items() if kind != "transfer"
        }
        assert sum(store.account(each).balance_minor for each in ids) == total_minor
    by_id = {each.entry.id: each for each in entries}
    for path, answer in done:
        is_kept(by_id, path, answer)
    runs = Counter(getattr(each.entry.action, "schedule_id", None) for each in entries)
    schedules = [answer["id"] for path, answer in done if path == "/v1/schedules"]
    assert [runs[each] for each in schedules] == [1] * len(schedules)
    for command in (["verify"], ["audit", "verify"]):
        environment = environ | {"ACCOUNTS_STORE_URL": url}
        proven = subprocess.run([ACCOUNTS, *command], env=environment, timeout=60, check=False)
        assert proven.returncode == 0


def is_all_kinds(clients: Sequence[Mixed]) -> bool:
    """Tell whether something of each kind was done, and not only asked and refused."""
    return {kind_of(path) for client in clients for path, _ in client.done()} == KINDS


def is_kept(by_id: dict[str, Recorded], path: str, answer: dict[str, Any]) -> None:
    """Check that the journal has the entry of an answer."""
    if path == "/v1/transfers/bulk":
        for item in answer["results"]:
            if item["status"] == "recorded":
                assert by_id[item["id"]].status is Status.RECORDED
    elif path.endswith("/capture"):
        paid, _ = by_id[answer["capture_id"]].lines
        assert -paid.amount_minor == answer["captured_minor"]
    else:
        assert by_id[answer["id"]].status is Status.RECORDED


def kind_of(path: str) -> str:
    last = path.rsplit("/", 1)[-1]
    return {"reversals": "reversal", "holds": "hold", "schedules": "schedule"}.get(
        last, last.removesuffix("s")
    )
