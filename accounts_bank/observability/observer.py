"""What the parts of a bank tell about themselves, to whoever watches."""

from collections.abc import Callable, Mapping, Sequence

from accounts_bank.ledger.entries import Outcome

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Those that have a name in what is watched. Anybody can make up others."""

Reading = Callable[[], Mapping[str, float]]
"""Gives the present value of each gauge, by name."""


class Observer:
    """Is told what happens, and forgets it: what is watched knows no more than this."""

    def answered(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Take note of a request that was answered; `route` is its rule, never its path."""

    def decided(self, outcomes: Sequence[Outcome]) -> None:
        """Take note of what became of entries."""

    def committed(self, entries: int) -> None:
        """Take note of how many entries shared a commit."""

    def asked(self, store: str, operation: str, duration_s: float, *, failed: bool) -> None:
        """Take note of a call of a store."""

    def retried(self) -> None:
        """Take note of a transaction that is tried again."""

    def gauges(self, read: Reading, *, shared: bool = False) -> None:
        """Have gauges read now and then: of this process, or `shared`, the same for all."""

    def text(self) -> bytes:
        """Give what was noted, as Prometheus reads it."""
        return b""
