"""Rate limits by address, and by username or user where a route needs it.

The store keeps the counters, so all processes of a bank share them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from math import ceil
from time import monotonic, sleep, time

from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.concurrency.greenlets import run_in_thread
from accounts_bank.config import Settings
from accounts_bank.errors import InvalidCredentials, TooManyRequests, Unavailable

REMEMBERED_MAX = 10_000
WAIT_S, WAIT_MAX_S = 0.02, 5.0
"""The pause between two looks for room, and the longest wait for room, in seconds."""


class Limit:
    """One limit, counted for each key separately. An empty text is no limit."""

    def __init__(self, name: str, text: str, counters: Storage, scope: str = "") -> None:
        """Build a limit; equal names share counters where their `scope` is equal too."""
        self._name = f"{name}{scope}"
        self._items: list[RateLimitItem] = parse_many(text) if text else []
        self._limiter = FixedWindowRateLimiter(counters)
        self._used_up = BoundedCache[float](REMEMBERED_MAX)

    def check(self, *key: str) -> None:
        """Check the limit and count nothing.

        :raises TooManyRequests: the limit is used up.
        :raises Unavailable: the counters do not answer.
        """
        self._allow(self._limiter.test, key)

    def spend(self, *key: str) -> None:
        """Count one request.

        :raises TooManyRequests: the limit is used up.
        :raises Unavailable: the counters do not answer.
        """
        self._allow(self._limiter.hit, key)

    def has_room(self, *key: str) -> bool:
        """Count one, and return whether it was within the limit.

        :raises Unavailable: the counters do not answer.
        """
        hidden = _hidden(key)
        with _counting():
            return all(self._limiter.hit(item, self._name, hidden) for item in self._items)

    def forgive(self, *key: str) -> None:
        """Set the counter of a key to zero.

        :raises Unavailable: the counters do not answer.
        """
        hidden = _hidden(key)
        with _counting():
            for item in self._items:
                self._limiter.clear(item, self._name, hidden)

    def _allow(self, ask: Callable[..., bool], key: tuple[str, ...]) -> None:
        if not self._items:
            return
        hidden = _hidden(key)
        self._refuse_until(self._used_up.get(hidden) or 0)
        with _counting():
            for item in self._items:
                if not run_in_thread(ask, item, self._name, hidden):
                    self._refuse(item, hidden)

    def _refuse(self, item: RateLimitItem, hidden: str) -> None:
        """Refuse, and remember it: repeated requests then cost no query of the counters."""
        reset_at_s = run_in_thread(
            self._limiter.get_window_stats, item, self._name, hidden
        ).reset_time
        self._used_up.put(hidden, reset_at_s)
        self._refuse_until(max(reset_at_s, time() + 1))

    def _refuse_until(self, reset_at_s: float) -> None:
        left_s = reset_at_s - time()
        if left_s > 0:
            raise TooManyRequests(ceil(left_s))


class Tries:
    """Limits failed attempts, also among concurrent ones.

    An attempt counts from its start until it succeeds. If all allowed attempts are in progress, the
    next one waits for their results, because they have not failed yet.
    """

    def __init__(self, name: str, text: str, counters: Storage, scope: str = "") -> None:
        self._begun = Limit(name, text, counters, scope)
        self._failed = Limit(f"{name}_failed", text, counters, scope)

    @contextmanager
    def one(self, *key: str) -> Iterator[None]:
        """Count an attempt. InvalidCredentials in the block is a failure; success resets all.

        :raises TooManyRequests: too many attempts failed.
        :raises Unavailable: the counters do not answer.
        """
        self._begin(key)
        try:
            yield
        except InvalidCredentials:
            self._failed.spend(*key)
            raise
        self._begun.forgive(*key)
        self._failed.forgive(*key)

    def _begin(self, key: tuple[str, ...]) -> None:
        until_s = monotonic() + WAIT_MAX_S
        self._failed.check(*key)
        while not self._begun.has_room(*key):
            self._failed.check(*key)
            if monotonic() >= until_s:
                raise TooManyRequests(1)
            sleep(WAIT_S)


class RateLimits:
    """The limits of a bank, from its settings. Banks of one process share the counters."""

    def __init__(self, settings: Settings, counters: Storage, bank_id: str = "") -> None:
        self.counters = counters
        self._bank_id = bank_id
        self.login = Tries("login", settings.LOGIN_RATE_LIMIT, counters, bank_id)
        self.login_address = self._limit("login_address", settings.LOGIN_ADDRESS_RATE_LIMIT)
        self.sign_up = self._limit("sign_up", settings.SIGN_UP_RATE_LIMIT)
        self.money = self._limit("money", settings.RATE_LIMIT)

    def of_bank(self, settings: Settings, bank_id: str) -> "RateLimits":
        """Return the limits of another bank, counted beside these."""
        return RateLimits(settings, self.counters, bank_id)

    def _limit(self, name: str, text: str) -> Limit:
        return Limit(name, text, self.counters, self._bank_id)


def _hidden(key: tuple[str, ...]) -> str:
    """Return the digest of a key, so that counters hold no names and no addresses."""
    return sha256("\0".join(key).encode()).hexdigest()


@contextmanager
def _counting() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise Unavailable(
            "The rate limits cannot be counted. Send the request again later."
        ) from error
