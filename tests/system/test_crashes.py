"""Killed again and again under load: nothing acknowledged is lost, nothing is done twice."""

import os
import signal
import time

import pytest

from tests.system.payments import Client, are_done_once, ended, started
from tests.system.servers import free_port, served

CLIENTS = 8
CRASHES = int(os.environ.get("CRASHES", "3"))
BETWEEN_CRASHES_S = float(os.environ.get("BETWEEN_CRASHES_S", "2"))


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
