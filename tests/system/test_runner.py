"""Due work of several banks on one store: killed banks lose none of it and repeat none."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.system.servers import ACCOUNTS, Server, served
from tests.waiting import within

SCHEDULES = 120
HOLDS = 30
SPREAD_S = 4.0


def test_each_run_is_made_once_though_banks_are_killed(url):
    store = {"ACCOUNTS_STORE_URL": url}
    with ExitStack() as banks:
        one, two = (banks.enter_context(served(**store)) for _ in range(2))
        token = one.joined("ada")
        payer, payee = one.opened(token, 10 * (SCHEDULES + HOLDS)), one.opened(token)
        made = promised(one, token, payer, payee)
        assert within(60, lambda: balance_minor(two, token, payee) > 0)
        one.process.send_signal(signal.SIGKILL)
        assert within(60, lambda: balance_minor(two, token, payee) > 3 * SCHEDULES)
        two.process.send_signal(signal.SIGKILL)
        three = banks.enter_context(served(**store))
        assert within(60, lambda: balance_minor(three, token, payee) == 10 * SCHEDULES)
        time.sleep(2)  # whoever would run one twice has the time to
        assert balance_minor(three, token, payee) == 10 * SCHEDULES
        assert account(three, token, payer)["held_minor"] == 0
        for schedule in made:
            found = three.ask("GET", f"/v1/schedules/{schedule}", token=token)[1]
            assert (found["status"], found["run_count"]) == ("ended", 1)
        runs = three.ask("GET", f"/v1/schedules/{made[0]}/runs", token=token)[1]["data"]
        assert [each["status"] for each in runs] == ["recorded"]
        three.stop()
    environment = os.environ | store
    proof = subprocess.run([ACCOUNTS, "verify"], env=environment, capture_output=True, check=False)
    assert proof.returncode == 0, proof


def promised(bank: Server, token: str, payer: str, payee: str) -> list[str]:
    """Set money aside and begin schedules, to end and to run within the next few seconds."""
    wish: dict[str, Any] = {"from_account": payer, "to_account": payee, "currency": "EUR"}
    wish["amount_minor"] = 10
    for _ in range(HOLDS):
        assert bank.ask("POST", "/v1/holds", wish | {"expires_in_s": 2}, token)[0] == 201
    begins, made = datetime.now(UTC) + timedelta(seconds=2), []
    for number in range(SCHEDULES):
        first_at = begins + timedelta(seconds=SPREAD_S * number / SCHEDULES)
        when = {"first_at": first_at.isoformat(), "every": "once"}
        status, answer = bank.ask("POST", "/v1/schedules", wish | when, token)
        assert status == 201
        made.append(answer["id"])
    return made


def account(bank: Server, token: str, name: str) -> Any:
    return bank.ask("GET", f"/v1/accounts/{name}", token=token)[1]


def balance_minor(bank: Server, token: str, name: str) -> int:
    return int(account(bank, token, name)["balance_minor"])
