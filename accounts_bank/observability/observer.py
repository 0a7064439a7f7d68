"""The interface by which the parts of a bank report what they do."""

from collections.abc import Callable, Mapping, Sequence

from accounts_bank.ledger.entries import Outcome

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""HTTP methods with a name in metrics and traces. A client can make up any other."""

Reading = Callable[[], Mapping[str, float]]
"""Returns the present value of each gauge, by the gauge's name."""


class Observer:
    """Receives what happens in a bank. This one drops it; `Metrics` counts it for Prometheus."""

    def request_finished(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Record an answered request.

        `route` is the rule that matched, such as `/v1/accounts/<id>`, never the path; "" for none.
        `duration_s` runs from the arrival of the whole request to the head of its answer.
        """

    def entries_decided(self, outcomes: Sequence[Outcome]) -> None:
        """Record the outcomes of decided entries, replays included."""

    def entries_committed(self, entries: int) -> None:
        """Record the number of entries that shared one commit."""

    def store_called(self, store: str, operation: str, duration_s: float, *, failed: bool) -> None:
        """Record a call of a store's operation; `store` is `users` or `accounts`."""

    def transaction_retried(self) -> None:
        """Record that a database transaction is tried again."""

    def add_gauges(self, read: Reading, *, shared: bool = False) -> None:
        """Register gauges, which `read` returns at each sample.

        A gauge describes this process, or where it is `shared`, all processes of the bank.
        """

    def render(self) -> bytes:
        """Return all numbers in Prometheus' text format; nothing where none are kept."""
        return b""
