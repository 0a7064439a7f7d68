"""MongoDB on three nodes: the primary is killed under load, and a minority confirms nothing."""

import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import closing

import pytest

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase, database
from tests.mongo import Mongo
from tests.rounds import rounds
from tests.stores.books import Books
from tests.system.payments import are_done_once, ended, started
from tests.system.servers import served

CLIENTS = 8
FAILOVERS = rounds(1, 3)
BETWEEN_FAILOVERS_S = rounds(1.0, 2.0)


@pytest.fixture(scope="module")
def trio():
    """Start three nodes."""
    with Mongo(3) as servers:
        yield servers


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_where_primaries_are_killed(trio):
    url = trio.url("failover")
    with served("--workers", "2", ACCOUNTS_STORE_URL=url, ACCOUNTS_LOG_LEVEL="ERROR") as server:
        clients, accounts = started(CLIENTS, server)
        for _ in range(FAILOVERS):
            time.sleep(BETWEEN_FAILOVERS_S)
            killed = trio.primary()
            killed.kill()
            assert trio.primary() is not killed
            time.sleep(BETWEEN_FAILOVERS_S)
            killed.start()
        ended(clients)
        assert server.stop() == 0
    are_done_once(url, clients, accounts)


def test_a_write_without_a_majority_is_not_confirmed(trio, monkeypatch):
    with closing(MongoDatabase(trio.url("minority"))) as opened:
        books = Books(MongoAccountStore(opened, decide))
        books.given(ada=10, bob=0)
        primary = trio.primary()
        others = [node.process for node in trio.nodes if node is not primary]
        with monkeypatch.context() as patch:
            patch.setattr(database, "TRANSACTION_TIMEOUT_S", 0.3)
            sent(others, signal.SIGSTOP)
            with pytest.raises(Unavailable):
                books.send("ada", "bob", 4, entry_id="one")
            sent(others, signal.SIGCONT)
        assert books.send("ada", "bob", 4, entry_id="one") == "recorded"
        assert books.balances() == {"ada": 6, "bob": 4}


def sent(processes: Iterable[subprocess.Popen[bytes]], how: signal.Signals) -> None:
    for process in processes:
        process.send_signal(how)


def test_a_server_that_is_gone_is_told_of_in_time_and_serves_again_by_itself(monkeypatch):
    with Mongo() as server, closing(MongoDatabase(server.url())) as opened:
        books = Books(MongoAccountStore(opened, decide))
        books.given(ada=10, bob=0)
        server.nodes[0].kill()
        began_s = time.monotonic()
        with monkeypatch.context() as patch:
            patch.setattr(database, "DEADLINE_S", 1)
            patch.setattr(database, "TRANSACTION_TIMEOUT_S", 2)
            with pytest.raises(Unavailable):
                books.send("ada", "bob", 4, entry_id="one")
        assert time.monotonic() - began_s < 7  # it was told to wait for less than eight
        server.nodes[0].start()
        server.primary()
        assert books.send("ada", "bob", 4, entry_id="one") == "recorded"
        assert books.balances() == {"ada": 6, "bob": 4}
