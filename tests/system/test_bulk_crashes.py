"""A bulk whose answer is lost in a crash; the client sends it again with the same key."""

import os
import signal
import subprocess
from http.client import HTTPException
from threading import Event, Timer
from time import monotonic
from typing import Any

import pytest

from tests.ports import free_port
from tests.rounds import rounds
from tests.system.servers import ACCOUNTS, Server, served

ITEMS = rounds(800, 1_500)
BULKS_MAX, TRIES_MAX = 50, 8
KILLED_AT = rounds((0.5,), (0.25, 0.5, 0.75, 1.0))
"""The moments of the kills, as shares of the time that one bulk takes."""

pytestmark = pytest.mark.soak


class Bulks:
    """One bulk under several keys, sent to a bank that is killed."""

    def __init__(self, url: str, mode: str) -> None:
        self.settings, self.port = {"ACCOUNTS_STORE_URL": url}, free_port()
        self.mode, self.keys = mode, list[str]()

    def prepare(self, bank: Server) -> None:
        """Open the accounts, and measure a bulk that is made in peace."""
        self.token = bank.joined("ada")
        payer, self.payee = bank.opened(self.token, BULKS_MAX * ITEMS), bank.opened(self.token)
        item = {"from_account": payer, "to_account": self.payee, "amount_minor": 1}
        self.body = {"mode": self.mode, "transfers": [item | {"currency": "EUR"}] * ITEMS}
        for key in ("cold", "warm"):
            self.keys.append(key)
            began_s = monotonic()
            assert self.send(bank, key)[0] == 200
            self.duration_s = monotonic() - began_s

    def send(self, bank: Server, key: str) -> tuple[int, Any]:
        headers = {"Idempotency-Key": key}
        return bank.ask("POST", "/v1/transfers/bulk", self.body, self.token, **headers)

    def lose_an_answer(self, bank: Server, share: float) -> bool:
        """Kill the bank during a bulk; try earlier where the answer comes before the kill.

        :returns: False where the kill met no bulk
        """
        for tries in range(TRIES_MAX):
            self.keys.append(f"salaries-{len(self.keys)}")
            kill = Timer(self.duration_s * share / 2**tries, self._kill, (bank, killed := Event()))
            kill.start()
            try:
                self.send(bank, self.keys[-1])
            except (OSError, HTTPException):
                bank.process.wait(20)
                return True
            kill.cancel()
            kill.join()
            if killed.is_set():
                bank.process.wait(20)
                return False
        return False

    def _kill(self, bank: Server, killed: Event) -> None:
        killed.set()
        os.killpg(bank.process.pid, signal.SIGKILL)


@pytest.mark.parametrize("mode", ["each", "atomic"])
def test_a_bulk_that_is_sent_again_after_a_crash_is_made_once(url, mode):
    bulks, lost = Bulks(url, mode), list[bool]()
    for share in KILLED_AT:
        with served(port=bulks.port, **bulks.settings) as bank:
            if not bulks.keys:
                bulks.prepare(bank)
            lost.append(bulks.lose_an_answer(bank, share))
    assert any(lost)
    with served(port=bulks.port, **bulks.settings) as bank:
        for key in bulks.keys:
            status, answer = bulks.send(bank, key)
            assert status == 200
            assert {each["status"] for each in answer["results"]} == {"recorded"}
            assert bulks.send(bank, key) == (status, answer)
        payee = bank.ask("GET", f"/v1/accounts/{bulks.payee}", token=bulks.token)[1]
        assert payee["balance_minor"] == ITEMS * len(bulks.keys)
        assert bank.stop() == 0
    environment = os.environ | bulks.settings
    proof = subprocess.run([ACCOUNTS, "verify"], env=environment, capture_output=True, check=False)
    assert proof.returncode == 0, proof
