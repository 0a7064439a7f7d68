"""A bulk whose answer is lost: sent again, it repeats nothing."""

import os
import signal
import subprocess
from contextlib import suppress
from http.client import HTTPException
from threading import Timer
from typing import Any

import pytest

from tests.ports import free_port
from tests.rounds import rounds
from tests.system.servers import ACCOUNTS, Server, served

ITEMS = rounds(800, 1_500)
KILLED_AFTER_S = rounds((0.2,), (0.05, 0.1, 0.2, 0.4))

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("mode", ["each", "atomic"])
def test_sent_until_it_is_answered_it_is_made_once(url, mode):
    store, port = {"ACCOUNTS_STORE_URL": url}, free_port()
    wish: dict[str, Any] = {}
    for killed_after_s in KILLED_AFTER_S:
        with served(port=port, **store) as bank:
            wish = wish or begun(bank, mode)
            Timer(killed_after_s, os.killpg, (bank.process.pid, signal.SIGKILL)).start()
            with suppress(OSError, HTTPException):
                sent(bank, wish)
            bank.process.wait(20)
    with served(port=port, **store) as bank:
        status, answer = sent(bank, wish)
        assert status == 200
        assert {each["status"] for each in answer["results"]} == {"recorded"}
        assert sent(bank, wish) == (status, answer)
        payee = bank.ask("GET", f"/v1/accounts/{wish['payee']}", token=wish["token"])[1]
        assert payee["balance_minor"] == ITEMS
        bank.stop()
    environment = os.environ | store
    proof = subprocess.run([ACCOUNTS, "verify"], env=environment, capture_output=True, check=False)
    assert proof.returncode == 0, proof


def begun(bank: Server, mode: str) -> dict[str, Any]:
    token = bank.joined("ada")
    payer, payee = bank.opened(token, ITEMS), bank.opened(token)
    item = {"from_account": payer, "to_account": payee, "amount_minor": 1, "currency": "EUR"}
    return {"token": token, "payee": payee, "body": {"mode": mode, "transfers": [item] * ITEMS}}


def sent(bank: Server, wish: dict[str, Any]) -> tuple[int, Any]:
    key = {"Idempotency-Key": "salaries"}
    return bank.ask("POST", "/v1/transfers/bulk", wish["body"], wish["token"], **key)
