"""A bank that lacks a resource for a moment: requests of many kinds, before, during and after."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import msgspec

from tests.system.servers import Server
from tests.waiting import within

BACK_S = 3
"""The time after which a bank is right again, in seconds."""
PATHS = (
    "/v1/users/me",
    "/v1/accounts",
    "/v1/accounts/{account}",
    "/v1/accounts/{account}/lines",
    "/v1/transfers",
    "/v1/holds",
    "/v1/schedules",
    "/v1/nothing",
    "/nothing",
    "/docs",
    "/health/live",
    "/health/ready",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Customer:
    """Sends requests of every kind, and remembers the right answers."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.token = server.joined("ada")
        self.account, self.other = server.opened(self.token, 100_000), server.opened(self.token)
        self.right = self.answers()

    def answers(self, timeout_s: float = 20) -> dict[tuple[str, str], Any]:
        """Send each request once, by four threads; return status or error by method and path."""
        kinds = [(method, path) for path in PATHS for method in METHODS if method != "DELETE"]
        with ThreadPoolExecutor(4) as threads:
            answers = threads.map(lambda kind: self._ask(*kind, timeout_s=timeout_s), kinds)
        return dict(zip(kinds, answers, strict=True))

    def _ask(self, method: str, path: str, *, timeout_s: float) -> tuple[int, str]:
        """Return the status and the code of a problem."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=timeout_s)
        try:
            named = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path.format(account=self.account), headers=named)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException):
            return 0, ""
        finally:
            connection.close()
        is_problem = answer.headers.get("Content-Type") == "application/problem+json"
        return answer.status, msgspec.json.decode(text)["code"] if is_problem else ""

    def press(self, seconds: float) -> Counter[tuple[int, str]]:
        """Send requests for a time; return the number of each answer."""
        until_s, found = time.monotonic() + seconds, Counter[tuple[int, str]]()
        while time.monotonic() < until_s:
            found += Counter(self.answers(timeout_s=1).values())
        return found

    def pay(self) -> bool:
        """Send a transfer; return whether it succeeds."""
        return self.server.ask("POST", "/v1/transfers", self.transfer(1), self.token)[0] == 201

    def bulk(self) -> int:
        """Send a bulk of 1,000 transfers; return the status."""
        body = {"mode": "each", "transfers": [self.transfer(1)] * 1_000}
        return self.server.ask("POST", "/v1/transfers/bulk", body, self.token)[0]

    def transfer(self, amount_minor: int) -> dict[str, Any]:
        """Return the body of a transfer."""
        named = {"from_account": self.account, "to_account": self.other}
        return {**named, "amount_minor": amount_minor, "currency": "EUR"}

    def expect_all_right(self) -> None:
        """Demand that requests, the runner and the sealer are right, `BACK_S` after the end."""
        time.sleep(BACK_S)
        for _ in range(3):
            found = self.answers()
            assert {each: found[each] for each in found if found[each] != self.right[each]} == {}
        assert self.pay()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        sealed = Path("audit.log").read_text().count('"schedule_id"')
        schedule = self.transfer(7) | {"first_at": now, "every": "once"}
        assert self.server.ask("POST", "/v1/schedules", schedule, self.token)[0] == 201
        assert within(10, lambda: Path("audit.log").read_text().count('"schedule_id"') > sealed)
        for _ in range(4):
            assert self.server.ask("GET", "/health/ready") == (200, {"status": "ready"})
