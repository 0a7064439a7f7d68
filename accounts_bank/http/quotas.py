"""Quotas: limits of a customer that count items and are told in headers.

A process takes a part of the quota from the shared counters at once, so that most payments cost no
query. A part that is not used up before its window ends is lost.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import ceil
from time import monotonic

from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from msgspec import Struct

from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.concurrency.greenlets import InlineLock, run_in_thread
from accounts_bank.errors import Unavailable

REMEMBERED_MAX = 10_000
PART = 100
"""A process takes a hundredth of a quota at once."""


@contextmanager
def counting() -> Iterator[None]:
    """Raise Unavailable where the counters of limits fail in the block."""
    try:
        yield
    except StorageError as error:
        raise Unavailable(
            "The rate limits cannot be counted. Send the request again later."
        ) from error


class _Part(Struct):
    """A part of a quota: the items that this process and that all processes have left."""

    left: int = 0
    shared: int = 0
    ends_at_s: float = 0.0


class Standing(Struct, frozen=True):
    """The state of a quota after a request.

    :param retry_after_s: None where the request was within the quota.
    """

    name: str
    quota: int
    window_s: int
    remaining: int
    reset_s: int
    retry_after_s: int | None = None


class Quota:
    """The quotas of a customer, such as `100 per second; 10000 per hour`. "" is none."""

    def __init__(self, name: str, text: str, counters: Storage, scope: str = "") -> None:
        """Build the quotas; equal names share counters where their `scope` is equal too."""
        self._name = name
        self._scope = scope
        self._items: list[RateLimitItem] = parse_many(text) if text else []
        self._limiter = FixedWindowRateLimiter(counters)
        self._parts = BoundedCache[_Part](REMEMBERED_MAX)
        self._lock = InlineLock()

    def take(self, customer_id: str, cost: int) -> list[Standing]:
        """Count items of a customer; return the state of each quota.

        :raises Unavailable: the counters do not answer.
        """
        with counting():
            return [self._take(item, customer_id, cost) for item in self._items]

    def _take(self, item: RateLimitItem, customer_id: str, cost: int) -> Standing:
        key = f"{item} {customer_id}"
        names = item, self._name, self._scope, customer_id
        with self._lock:
            part = self._parts.get(key) or _Part()
            if part.left >= cost and part.ends_at_s > monotonic():
                part.left -= cost
                return self._standing(item, part)
        for wanted in dict.fromkeys((max(cost, item.amount // PART), cost)):
            if run_in_thread(self._limiter.test, *names, cost=wanted) and run_in_thread(
                self._limiter.hit, *names, cost=wanted
            ):
                return self._keep(item, key, names, wanted - cost)
        return self._standing(item, self._read(names, part.left), is_over=True)

    def _keep(
        self, item: RateLimitItem, key: str, names: tuple[RateLimitItem, str, str, str], left: int
    ) -> Standing:
        part = self._read(names, left)
        with self._lock:
            self._parts.put(key, part)
        return self._standing(item, part)

    def _read(self, names: tuple[RateLimitItem, str, str, str], left: int) -> _Part:
        window = run_in_thread(self._limiter.get_window_stats, *names)
        return _Part(left, window.remaining, window.reset_time)

    def _standing(self, item: RateLimitItem, part: _Part, *, is_over: bool = False) -> Standing:
        reset_s = max(1, ceil(part.ends_at_s - monotonic()))
        remaining = part.left + part.shared
        return Standing(
            self._name if item is self._items[0] else f"{self._name}-{item.get_expiry()}s",
            item.amount,
            item.get_expiry(),
            remaining,
            reset_s,
            reset_s if is_over else None,
        )


def headers(standings: Iterable[Standing]) -> list[tuple[str, str]]:
    """Return the headers that tell the quotas (draft-ietf-httpapi-ratelimit-headers-10)."""
    told = list(standings)
    policies = ", ".join(f'"{each.name}";q={each.quota};w={each.window_s}' for each in told)
    states = ", ".join(f'"{each.name}";r={each.remaining};t={each.reset_s}' for each in told)
    return [("RateLimit-Policy", policies), ("RateLimit", states)] if told else []
