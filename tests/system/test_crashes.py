"""Killed again and again under load: nothing acknowledged is lost, nothing is done twice."""

import os
import signal
import time

import pytest

from tests.ports import free_port
from tests.rounds import rounds
from tests.system.mixed import Mixed, all_is_done_once, is_all_kinds
from tests.system.payments import OPENING_MINOR, Client, are_done_once, ended, started
from tests.system.servers import served
from tests.waiting import within

CLIENTS = 8
CRASHES = rounds(1, 4)
BETWEEN_CRASHES_S = rounds(1.0, 2.0)

pytestmark = pytest.mark.soak


def killed_again_and_again(url: str, workers: str) -> tuple[list[Client], list[str]]:
    settings = {"ACCOUNTS_STORE_URL": url, "ACCOUNTS_LOG_LEVEL": "ERROR"}
    clients: list[Client] = []
    accounts: list[str] = []
    port = free_port()
    for crash in range(CRASHES + 1):
        with served("--workers", workers, port=port, **settings) as server:
            if not crash:
                clients, accounts = started(CLIENTS, server)
            time.sleep(BETWEEN_CRASHES_S)
            if crash < CRASHES:
                os.killpg(server.process.pid, signal.SIGKILL)
            else:
                ended(clients)
                assert server.stop() == 0
    return clients, accounts


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_acknowledged_is_lost_and_nothing_done_twice(url, workers):
    clients, accounts = killed_again_and_again(url, workers)
    are_done_once(url, clients, accounts)


def test_everything_mixed_is_done_once_too(url):
    settings = {"ACCOUNTS_STORE_URL": url, "ACCOUNTS_LOG_LEVEL": "ERROR"}
    port, clients, accounts = free_port(), list[Mixed](), list[str]()
    for crash in range(CRASHES + 1):
        with served("--workers", "2", port=port, **settings) as server:
            if not crash:
                token = server.joined("ada")
                accounts = [server.opened(token, OPENING_MINOR) for _ in range(4)]
                clients = [Mixed(each, port, token, accounts) for each in range(CLIENTS)]
                for client in clients:
                    client.start()
            time.sleep(BETWEEN_CRASHES_S)
            if crash < CRASHES:
                os.killpg(server.process.pid, signal.SIGKILL)
                continue
            assert within(60, lambda: is_all_kinds(clients))  # noqa: B023 - now
            ended(clients)
            for client in clients:
                client.await_runs()
            assert server.stop() == 0
    all_is_done_once(url, clients, accounts, 4 * OPENING_MINOR)
