"""Two servers of one store, one of them with a wrong system clock."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.programs import program
from tests.system.servers import Server, served
from tests.waiting import within

SHIM = Path(__file__).with_name("clock_shim.c")
DAY_S, HOUR_S = 86_400, 3_600
WINDOW_S = 300
NOTICED_S = 20


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> Path:
    """Compile the library that moves the clock of one process."""
    library = tmp_path_factory.mktemp("shim") / "clock.so"
    command = [program("gcc"), "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SHIM]
    subprocess.run([*command, "-ldl"], check=True)
    return library


def url_of(store: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if store == "sqlite":
        return f"sqlite:///{folder}/bank.db"
    server = request.getfixturevalue(store)
    return str(server.database("clocks") if store == "postgres" else server.emptied("clocks"))


class Two:
    """A server with the right clock, and one whose clock the test sets."""

    def __init__(
        self, right: Server, wrong: Server, offset: Path, environment: dict[str, str]
    ) -> None:
        self.right, self.wrong, self._offset = right, wrong, offset
        self.environment = environment
        self.token = right.joined("ada")
        self.account = right.opened(self.token, 100)
        self.paid_minor = 100

    def set(self, ahead_s: int) -> None:
        new = self._offset.with_suffix(".new")
        new.write_text(str(ahead_s))
        new.rename(self._offset)

    def says(self, level: str, difference_s: int) -> None:
        """Wait for the last line about the clock in the log of the wrong server."""
        expected = [level, pytest.approx(difference_s, abs=1)]
        assert within(NOTICED_S, lambda: self._last_line() == expected), self._last_line()

    def _last_line(self) -> list[object]:
        log = self._offset.parent / "other" / "server.log"
        lines = [json.loads(line) for line in log.read_text().splitlines() if '"clock"' in line]
        return [lines[-1]["level"], lines[-1]["difference_s"]] if lines else []

    def pay(self, server: Server) -> int:
        body = {"account": self.account, "amount_minor": 1, "currency": "EUR"}
        status, _ = server.ask("POST", "/v1/deposits", body, self.token)
        self.paid_minor += status == 201
        return int(status)

    def balance(self, server: Server, at: str = "") -> int:
        path = f"/v1/accounts/{self.account}/balance{at and f'?at={at}'}"
        status, found = server.ask("GET", path, None, self.token)
        assert status == 200, found
        return int(found["balance_minor"])

    def guess(self, server: Server, name: str) -> int:
        """Sign in with a wrong password; return the status, or the wait of a 429 in seconds."""
        asked = HTTPConnection("127.0.0.1", server.port, timeout=20)
        body = json.dumps({"username": name, "password": "wrong horse"})
        asked.request("POST", "/v1/auth/login", body, {"Content-Type": "application/json"})
        answer = asked.getresponse()
        asked.close()
        return int(answer.headers["Retry-After"]) if answer.status == 429 else answer.status

    def last_line_at(self) -> datetime:
        path = f"/v1/accounts/{self.account}/lines?limit=1"
        _, found = self.right.ask("GET", path, None, self.token)
        return datetime.fromisoformat(found["data"][0]["at"])


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mongo"])
def servers(request, shim, tmp_path_factory) -> Iterator[Two]:
    """Run two banks in folders of their own; the second one writes no audit log."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {
        "ACCOUNTS_STORE_URL": url_of(request.param, request, folder),
        "ACCOUNTS_JWT_SECRET_KEY": "a secret that both servers have, 32 bytes",
        "ACCOUNTS_LOGIN_RATE_LIMIT": "1 per 5 minutes",
    }
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name, text in environment.items():
            patch.setenv(name, text)
        patch.chdir(folder)
        right = stack.enter_context(served())
        (folder / "other").mkdir()
        patch.chdir("other")
        patch.setenv("ACCOUNTS_AUDIT_LOG", "")
        offset = folder / "offset"
        wrong = stack.enter_context(served(LD_PRELOAD=str(shim), CLOCK_OFFSET=str(offset)))
        yield Two(right, wrong, offset, environment | {"ACCOUNTS_AUDIT_LOG": ""})


@pytest.fixture
def two(servers) -> Iterator[Two]:
    yield servers
    servers.set(0)
    assert within(NOTICED_S, lambda: servers.wrong.ask("GET", "/health/ready")[0] == 200)


@pytest.mark.parametrize("ahead_s", [DAY_S, -HOUR_S])
def test_a_server_with_a_wrong_clock_takes_no_payments_and_recovers_by_itself(two, ahead_s):
    assert (two.pay(two.wrong), two.pay(two.right)) == (201, 201)
    two.set(ahead_s)
    assert two.pay(two.wrong) == 503
    assert two.pay(two.right) == 201
    assert two.wrong.ask("GET", "/health/ready")[0] == 503
    assert two.right.ask("GET", "/health/ready")[0] == 200
    two.says("ERROR", ahead_s)
    now = datetime.now(UTC)
    assert two.last_line_at() <= now
    at = now.isoformat().replace("+00:00", "Z")
    assert two.balance(two.right) == two.balance(two.right, at) == two.paid_minor
    two.set(0)
    assert within(NOTICED_S, lambda: two.wrong.ask("GET", "/health/ready")[0] == 200)
    assert two.pay(two.wrong) == 201
    two.says("WARNING", 0)
    assert two.balance(two.right) == two.paid_minor
    assert two.last_line_at() <= datetime.now(UTC)


@pytest.mark.parametrize("ahead_s", [4, -4])
def test_servers_with_4_s_between_their_clocks_pay_alike_and_share_tokens(two, ahead_s):
    two.set(ahead_s)
    assert (two.pay(two.wrong), two.pay(two.right)) == (201, 201)
    now = datetime.now(UTC)
    assert abs((two.last_line_at() - now).total_seconds()) < 2
    token = two.wrong.joined(f"bob {ahead_s}")
    assert two.right.ask("GET", "/v1/users/me", None, token)[0] == 200


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
def test_a_wrong_clock_neither_ends_a_limit_nor_prolongs_it(two, ahead_s):
    name = f"guessed {ahead_s}"
    assert two.guess(two.right, name) == 401
    two.set(ahead_s)
    assert two.guess(two.wrong, name) <= WINDOW_S
    assert two.guess(two.right, name) <= WINDOW_S


@pytest.mark.parametrize("ahead_s", [DAY_S, -HOUR_S])
def test_a_server_that_starts_with_a_wrong_clock_takes_no_payments(two, shim, ahead_s, monkeypatch):
    monkeypatch.setattr("tests.system.servers.READY", 503)
    offset = Path("offset").absolute()
    offset.write_text(str(ahead_s))
    moved: dict[str, Any] = {"LD_PRELOAD": str(shim), "CLOCK_OFFSET": str(offset)}
    with served(**(moved | two.environment)) as started:
        assert (two.pay(started), two.pay(two.right)) == (503, 201)
        assert two.last_line_at() <= datetime.now(UTC)
        offset.unlink()
        assert within(NOTICED_S, lambda: two.pay(started) == 201)
        assert two.last_line_at() <= datetime.now(UTC)
