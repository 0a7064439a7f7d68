"""The primary of a MongoDB is cut off from its followers, while two banks reach all of them."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from pymongo.errors import OperationFailure

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.actions import Deposit
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase, database
from accounts_bank.stores.mongo.primary import PROOF_LASTS_S
from tests.mongo import Mongo
from tests.network import Network
from tests.rounds import rounds
from tests.stores.books import Books
from tests.system.partition import (
    BETWEEN_CUTS_S,
    Run,
    banks_on,
    cut_off_the_primary,
    faults,
    mongo_on_a_network,
)

CUTS, CUT_S = rounds((1, 3.0), (8, 6.0))
READS_MIN = 100

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def trio() -> Iterator[tuple[Network, Mongo]]:
    """Start three nodes, each on a machine of its own."""
    with mongo_on_a_network() as started:
        yield started


def test_no_read_is_older_than_a_confirmed_write(trio):
    network, mongo = trio
    with banks_on(mongo.url()) as banks:
        run = Run(banks)
        for _ in range(CUTS):
            time.sleep(BETWEEN_CUTS_S)
            cut_off_the_primary(network, mongo, run, CUT_S)
        run.end()
        for number, bank in enumerate(banks):
            assert faults(mongo.url(), bank, Path(f"bank{number}")) == []
    assert run.stale == []
    assert run.wrong == []
    assert run.reads.total() > READS_MIN * CUTS


class Payer(Thread):
    """Deposits 1 again and again; `confirmed` counts the confirmed deposits."""

    def __init__(self, books: Books) -> None:
        super().__init__(daemon=True)
        self.books, self.confirmed, self.ended = books, 0, Event()

    def run(self) -> None:
        action = Deposit(self.books.opened["ada"], 1, "EUR")
        while not self.ended.is_set():
            entry = self.books.entry(action)
            while not self.ended.is_set():
                try:
                    self.books.store.append([entry])
                except Unavailable:
                    continue
                self.confirmed += 1
                break


def test_a_bank_that_reaches_only_the_cut_off_primary_answers_nothing_old(trio, monkeypatch):
    monkeypatch.setattr(database, "DEADLINE_S", 1.0)
    network, mongo = trio
    primary = mongo.primary()
    first, second = (node for node in mongo.nodes if node is not primary)
    second.ask("replSetSyncFrom", first.host)
    alone = f"mongodb://{primary.host}/lonely?directConnection=true"
    with (
        closing(MongoDatabase(mongo.url("lonely"))) as whole,
        closing(MongoDatabase(alone)) as part,
    ):
        books = Books(MongoAccountStore(whole, decide))
        books.given(ada=0)
        payer = Payer(books)
        payer.start()
        others = network.others(primary.machine)
        primary.machine.cut(others)
        time.sleep(PROOF_LASTS_S)
        with suppress(OperationFailure):  # it is elected a little later then
            first.ask("replSetStepUp")
        try:
            old = [
                shown
                for shown, confirmed in reads_for(2.5, MongoAccountStore(part, decide), payer)
                if shown < confirmed
            ]
        finally:
            primary.machine.heal(others)
            payer.ended.set()
            payer.join()
    assert old == []


def reads_for(time_s: float, store: MongoAccountStore, payer: Payer) -> Iterator[tuple[int, int]]:
    """Read a balance for a time; give it with the number of deposits confirmed before."""
    until_s = time.monotonic() + time_s
    while time.monotonic() < until_s:
        confirmed = payer.confirmed
        try:
            account = store.account(payer.books.opened["ada"])
        except Unavailable:
            continue
        assert account is not None
        yield account.balance_minor, confirmed
