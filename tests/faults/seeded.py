"""Seeded bugs: a bank that is right, spoiled in one way. The checker has to find each.

A bug stands between the clients and the bank. It sees each request and does to it what a fault in
the bank would do. It strikes at each n-th occasion, so that a run is the same each time.
"""

from collections import defaultdict
from itertools import count
from time import monotonic
from typing import Any

from tests.faults.history import Answer
from tests.faults.transport import NoAnswer, Transport

LOST_ONCE_IN = 9
STALE_S = 0.3


class Bank(Transport):
    """A right bank behind a bad line: one in nine answers to a POST is lost."""

    def __init__(self, inner: Transport, teller: str) -> None:
        self.inner, self.teller = inner, teller
        self._posts, self._counts = count(1), defaultdict[str, Any](lambda: count(1))

    def send(
        self, method: str, path: str, body: Any = None, *, token: str = "", key: str = ""
    ) -> Answer:
        if method == "GET":
            return self.read(path, token)
        answer = self.post(path, body, token, key)
        if not next(self._posts) % LOST_ONCE_IN:
            raise NoAnswer
        return answer

    def read(self, path: str, token: str) -> Answer:
        return self.inner.send("GET", path, token=token)

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        return self.inner.send("POST", path, body, token=token, key=key)

    def strikes(self, times: int, what: str = "") -> bool:
        """Tell whether it is the n-th occasion."""
        return not next(self._counts[what]) % times

    def other_key(self, key: str) -> str:
        return f"{key} again {next(self._counts[key])}"


class LostAcknowledgement(Bank):
    """1 % of payments are confirmed and not made."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        if path == "/v1/transfers" and self.strikes(100):
            path += "?dry_run=true"
        return super().post(path, body, token, key)


class KeyForgotten(Bank):
    """2 % of keys are not looked up."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        if self.strikes(50):
            key = self.other_key(key)
        return super().post(path, body, token, key)


class KeysLostOnRestart(Bank):
    """Keys live in memory; the bank restarts at each 150th request."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        restart = next(self._counts["all"]) // 150
        return super().post(path, body, token, f"{key} of {restart}")


class DoneTwice(Bank):
    """1 % of payments are made twice."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path == "/v1/transfers" and self.strikes(100):
            super().post(path, body, token, self.other_key(key))
        return answer


class StaleReads(Bank):
    """Reads come from a cache of 0.3 s."""

    def __init__(self, inner: Transport, teller: str) -> None:
        super().__init__(inner, teller)
        self._cache: dict[tuple[str, str], tuple[float, Answer]] = {}

    def read(self, path: str, token: str) -> Answer:
        at_s, answer = self._cache.get((path, token), (0.0, None))
        if answer is None or monotonic() - at_s > STALE_S:
            answer = super().read(path, token)
            self._cache[path, token] = monotonic(), answer
        return answer


class HeldForGood(Bank):
    """5 % of a hold stay held after its end."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path.endswith(("/capture", "/void")) and answer.status == 200:
            hold = answer.body
            rest = {
                "from_account": hold["from_account_id"],
                "to_account": hold["to_account_id"],
                "amount_minor": max(1, hold["amount_minor"] // 20),
                "currency": "EUR",
            }
            super().post("/v1/holds", rest, token, "")
        return answer

    def read(self, path: str, token: str) -> Answer:
        answer = super().read(path, token)
        if path.startswith("/v1/holds?"):
            kept = [each for each in answer.body["data"] if each["reference"]]
            answer.body["data"] = kept
        return answer


class CaptureAfterCapture(Bank):
    """A captured hold is captured again."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path.endswith("/capture") and answer.status == 422:
            hold = super().read(path.removesuffix("/capture"), token).body
            named = {"from_account": hold["from_account_id"], "to_account": hold["to_account_id"]}
            again = {**named, "currency": "EUR", "reference": hold["reference"], **body}
            paid = super().post("/v1/transfers", again, token, f"{key} again")
            if paid.status == 201:
                changed = {"capture_id": paid.body["id"], "captured_minor": body["amount_minor"]}
                return Answer(200, hold | changed | {"status": "captured"}, paid.is_replayed)
        return answer


class DoneButNotFound(Bank):
    """1 % of payments are made and answered with 404."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        return Answer(404, {"code": "not_found"}) if self.strikes(100) else answer


class AuditDrops(Bank):
    """0.3 % of entries are not in the audit trail."""

    def read(self, path: str, token: str) -> Answer:
        answer = super().read(path, token)
        if path.startswith("/v1/audit"):
            answer.body["data"] = [each for each in answer.body["data"] if not self.strikes(333)]
        return answer


class OffByOne(Bank):
    """The amount of 1 in 16 payments is off by one; the answer shows the amount asked for."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        if path != "/v1/transfers" or sum(key.encode()) % 16:
            return super().post(path, body, token, key)
        asked = body["amount_minor"]
        answer = super().post(path, body | {"amount_minor": asked + 1}, token, key)
        if answer.status == 201:
            answer.body["amount_minor"] = asked
        return answer


class LineMissing(Bank):
    """A page of lines lacks a line, one time in twenty."""

    def read(self, path: str, token: str) -> Answer:
        answer = super().read(path, token)
        if "/lines" in path and len(answer.body["data"]) > 2 and self.strikes(20):
            del answer.body["data"][1]
        return answer


class NoFundsCheck(Bank):
    """A payment that is not covered is made."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path == "/v1/transfers" and answer.body.get("code") == "funds_insufficient":
            limit = f"/v1/accounts/{body['from_account']}/credit-limit"
            for limit_minor in (10**6, 0):
                setting = {"credit_limit_minor": limit_minor}
                self.inner.send("PUT", limit, setting, token=self.teller)
                if limit_minor:
                    answer = super().post(path, body, token, f"{key} uncovered")
        return answer


class RefusedButDone(Bank):
    """1 % of payments are made and then refused."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path == "/v1/transfers" and self.strikes(100):
            return Answer(422, {"code": "funds_insufficient"}, answer.is_replayed)
        return answer


class AtomicIsEach(Bank):
    """An atomic bulk makes the transfers that it can."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        if path == "/v1/transfers/bulk" and body["mode"] == "atomic":
            body = body | {"mode": "each"}
        return super().post(path, body, token, key)


class ScheduleRunsTwice(Bank):
    """A schedule is run by two processes at once."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path == "/v1/schedules" and answer.status == 201:
            sent = {name: each for name, each in body.items() if name not in {"first_at", "every"}}
            super().post("/v1/transfers", sent, token, f"{key} run")
        return answer


class FrozenPays(Bank):
    """A frozen account pays."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path == "/v1/withdrawals" and answer.body.get("code") == "account_frozen":
            account = f"/v1/accounts/{body['account']}"
            super().post(f"{account}/unfreeze", {}, self.teller, "")
            answer = super().post(path, body, token, f"{key} thawed")
            super().post(f"{account}/freeze", {}, self.teller, "")
        return answer


class TornReads(Bank):
    """A list of accounts is read account by account, while payments go on between."""

    def __init__(self, inner: Transport, teller: str) -> None:
        super().__init__(inner, teller)
        self._before: dict[str, Any] = {}

    def read(self, path: str, token: str) -> Answer:
        answer = super().read(path, token)
        if path.startswith("/v1/accounts?") and answer.body["data"]:
            first, *rest = answer.body["data"]
            answer.body["data"] = [self._before.get(first["id"], first), *rest]
            self._before[first["id"]] = first
        return answer


class DoneLater(Bank):
    """1 % of payments are confirmed first, and made after the next payment."""

    def __init__(self, inner: Transport, teller: str) -> None:
        super().__init__(inner, teller)
        self._waiting: list[tuple[str, Any, str, str]] = []

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        if path == "/v1/transfers" and self.strikes(100):
            self._waiting.append((path, body, token, key))
            return super().post(f"{path}?dry_run=true", body, token, key)
        answer = super().post(path, body, token, key)
        while self._waiting:
            super().post(*self._waiting.pop())
        return answer


class BalanceAlteredOnReplay(Bank):
    """A repeated request is answered with the balance of now."""

    def post(self, path: str, body: Any, token: str, key: str) -> Answer:
        answer = super().post(path, body, token, key)
        if path == "/v1/deposits" and answer.is_replayed:
            now = super().read(f"/v1/accounts/{body['account']}", token).body["balance_minor"]
            answer.body["balance_minor"] = now
        return answer


class HoldsLowerNothing(Bank):
    """A hold does not lower what is available."""

    def read(self, path: str, token: str) -> Answer:
        answer = super().read(path, token)
        if path.startswith("/v1/accounts/") and "/lines" not in path:
            answer.body["available_minor"] = answer.body["balance_minor"]
        return answer


BUGS: list[type[Bank]] = [
    LostAcknowledgement,
    KeyForgotten,
    KeysLostOnRestart,
    DoneTwice,
    StaleReads,
    HeldForGood,
    CaptureAfterCapture,
    DoneButNotFound,
    AuditDrops,
    OffByOne,
    LineMissing,
    NoFundsCheck,
    RefusedButDone,
    AtomicIsEach,
    ScheduleRunsTwice,
    FrozenPays,
    TornReads,
    DoneLater,
    BalanceAlteredOnReplay,
    HoldsLowerNothing,
]
