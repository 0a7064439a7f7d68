"""Faults of a test bank: requests that go wrong on purpose, and are counted."""

from typing import Any

from accounts_bank.testing.client import Client

FAULTS = "/v1/sandbox/faults"


class Faults:
    """Makes and reads the faults of one bank."""

    def __init__(self, admin: Client) -> None:
        """Take the admin of the bank."""
        self._admin = admin

    def add(self, do: dict[str, Any], *, times: int = 1, ttl_s: int = 300, **match: Any) -> Any:
        """Make a fault; return it with its `id`.

        :param do: the effect, such as `{"drop": "after_commit"}` or `{"answer": 503}`.
        :param times: the number of requests that it acts on.
        :param ttl_s: its life in seconds of real time.
        :param match: `operation`, `user`, `account` and `nth` of the requests.
        :raises Refusal: the effect or the match is wrong.
        """
        body = {"do": do, "match": match, "times": times, "ttl_s": ttl_s}
        return self._admin.post(FAULTS, body)

    def all(self) -> list[Any]:
        """Return all faults; each has `left`, and the request ids of its `hits`."""
        found: list[Any] = self._admin.get(FAULTS).data
        return found

    def delete(self, fault_id: str) -> None:
        """End a fault."""
        self._admin.delete(f"{FAULTS}/{fault_id}")
