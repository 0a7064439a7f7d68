"""Rate limits by address, and by username or user where a route needs it.

The store keeps the counters, so all processes of a bank share them. Its clock, or a steady one,
ends their windows: `get_expiry` is a moment of `time.monotonic`, never of the system's clock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from math import ceil
from time import monotonic, sleep

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.concurrency.greenlets import run_in_thread
from accounts_bank.config import AUTO, Settings
from accounts_bank.errors import InvalidCredentials, TooManyRequests
from accounts_bank.http.addresses import network, site
from accounts_bank.http.quotas import Quota, counting

REMEMBERED_MAX = 10_000
SITE_FACTOR = 10
"""The limit of an IPv6 /48, as a multiple of that of an address."""
DELAY_FIRST_S = 15
"""The first delay after too many failures; each further failure doubles it."""
FAILURES_MAX = 100
"""The failures in a row after which a password opens nothing from unknown devices (NIST SP
800-63B-4, 3.2.2)."""
ACCOUNT_FREE, ACCOUNT_DELAY_MAX_S, ACCOUNT_KEEP_S = 20, 900, 30 * 24 * 3600
"""The failures of an account over all addresses that have no delay, the longest delay, and the time
for which failures count, in seconds."""
UNLIMITED = 1 << 40
TURN_S = 30
"""The time after which a try without a result no longer holds the others up."""
WAIT_S, WAIT_MAX_S = 0.02, 5.0
"""The pause between two looks for room, and the longest wait for room, in seconds."""


class Limit:
    """One limit, counted for each key separately. An empty text is no limit."""

    def __init__(
        self, name: str, text: str, counters: Storage, scope: str = "", *, factor: int = 1
    ) -> None:
        """Build a limit; equal names share counters where their `scope` is equal too.

        :param factor: multiplies the amounts of `text`.
        """
        self._name = f"{name}{scope}"
        items = parse_many(text) if text else []
        self._items: list[RateLimitItem] = [
            type(each)(each.amount * factor, each.multiples) for each in items
        ]
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

    def _allow(self, ask: Callable[..., bool], key: tuple[str, ...]) -> None:
        if not self._items:
            return
        hidden = _hidden(key)
        self._refuse_until(self._used_up.get(hidden) or 0)
        with counting():
            for item in self._items:
                if not run_in_thread(ask, item, self._name, hidden):
                    self._refuse(item, hidden)

    def _refuse(self, item: RateLimitItem, hidden: str) -> None:
        """Refuse, and remember it: repeated requests then cost no query of the counters."""
        reset_at_s = run_in_thread(
            self._limiter.get_window_stats, item, self._name, hidden
        ).reset_time
        self._used_up.put(hidden, reset_at_s)
        self._refuse_until(max(reset_at_s, monotonic() + 1))

    def _refuse_until(self, reset_at_s: float) -> None:
        left_s = reset_at_s - monotonic()
        if left_s > 0:
            raise TooManyRequests(ceil(left_s))


class AddressLimit:
    """A limit for an address; the /48 of an IPv6 address has `SITE_FACTOR` times as much."""

    def __init__(self, name: str, text: str, counters: Storage, scope: str = "") -> None:
        self._narrow = Limit(name, text, counters, scope)
        self._wide = Limit(f"{name}_site", text, counters, scope, factor=SITE_FACTOR)

    def spend(self, address: str) -> None:
        """Count one request of an address. It raises as `Limit.spend` does."""
        self._narrow.spend(network(address))
        wide = site(address)
        if wide:
            self._wide.spend(wide)


class Slowdown:
    """Lets failures wait: from a number of failures on, each next try has a longer delay.

    A delay holds no thread: a try that comes too early is refused with the time that is left.
    """

    def __init__(
        self, name: str, counters: Storage, *, free: int, keep_s: int, delay_max_s: int
    ) -> None:
        """Set the delays.

        :param free: the failures without a delay.
        :param keep_s: the seconds after which failures are forgotten.
        :param delay_max_s: the longest delay, in seconds.
        """
        self.free = free
        self._name = name
        self._counters = counters
        self._keep_s = keep_s
        self._delay_max_s = delay_max_s
        self._waits = BoundedCache[float](REMEMBERED_MAX)

    def count(self, *key: str) -> int:
        """Return the failures in a row."""
        with counting():
            return int(run_in_thread(self._counters.get, self._of(key)))

    def check(self, *key: str) -> None:
        """Check that no delay is left.

        :raises TooManyRequests: one is; it says how long.
        :raises Unavailable: the counters do not answer.
        """
        wait = f"{self._of(key)}/wait"
        until_s = self._waits.get(wait) or 0.0
        with counting():
            if until_s <= monotonic() and run_in_thread(self._counters.get, wait):
                until_s = run_in_thread(self._counters.get_expiry, wait)
                self._waits.put(wait, until_s)
        if until_s > monotonic():
            raise TooManyRequests(ceil(until_s - monotonic()))

    def begins(self, *key: str) -> bool:
        """Begin a try; return whether one may begin before other tries have ended.

        :raises TooManyRequests: a delay is left.
        """
        self.check(*key)
        name, count = self._of(key), self.count(*key)
        with counting():
            if count < self.free:
                begun = run_in_thread(self._counters.incr, f"{name}/begun", self._keep_s)
                return bool(begun <= self.free)
            if not run_in_thread(self._counters.get, f"{name}/delayed/{count}"):
                return False  # another process counts the failure at this moment
        self.check(*key)
        with counting():
            turn = f"{name}/turn/{count}"  # after a delay tries run one by one
            return bool(run_in_thread(self._counters.incr, turn, TURN_S) == 1)

    def succeeded(self, *key: str) -> None:
        """Forget the tries and the failures of a key."""
        with counting():
            run_in_thread(self._counters.clear, f"{self._of(key)}/begun")
        self.forgive(*key)

    def failed(self, *key: str) -> None:
        """Count a failure, and begin the delay that it earns."""
        name = self._of(key)
        with counting():
            count = run_in_thread(self._counters.incr, name, self._keep_s)
            if count >= self.free:
                delay_s = self._delay_s(count)
                run_in_thread(self._counters.clear, f"{name}/wait")
                run_in_thread(self._counters.incr, f"{name}/wait", delay_s)
                run_in_thread(self._counters.incr, f"{name}/delayed/{count}", self._keep_s)

    def forgive(self, *key: str) -> None:
        """Forget the failures of a key."""
        name = self._of(key)
        if not self.count(*key):
            return
        self._waits.put(f"{name}/wait", 0.0)
        with counting():
            for each in (name, f"{name}/wait"):
                run_in_thread(self._counters.clear, each)

    def _delay_s(self, count: int) -> int:
        if count >= FAILURES_MAX:
            return self._keep_s
        doublings = min(count - self.free, 20)
        return min(DELAY_FIRST_S << doublings, self._delay_max_s)

    def _of(self, key: tuple[str, ...]) -> str:
        return f"{self._name}/{_hidden(key)}"


class Tries:
    """Slows failed attempts, also among concurrent ones.

    The failures that a limit allows have no delay. At most as many attempts run at once as may
    still fail; the next one waits for their results, because they have not failed yet.
    """

    def __init__(self, name: str, text: str, counters: Storage, scope: str = "") -> None:
        items = parse_many(text) if text else []
        self._slowdowns = [
            Slowdown(
                f"{name}{scope}/{number}",
                counters,
                free=item.amount,
                keep_s=item.get_expiry(),
                delay_max_s=item.get_expiry(),
            )
            for number, item in enumerate(items)
        ]

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
            for each in self._slowdowns:
                each.failed(*key)
            raise
        for each in self._slowdowns:
            each.succeeded(*key)

    def _begin(self, key: tuple[str, ...]) -> None:
        until_s = monotonic() + WAIT_MAX_S
        while not all(each.begins(*key) for each in self._slowdowns):
            if monotonic() >= until_s:
                raise TooManyRequests(1)
            sleep(WAIT_S)


class RateLimits:
    """The limits of a bank, from its settings. Banks of one process share the counters."""

    def __init__(self, settings: Settings, counters: Storage, bank_id: str = "") -> None:
        self.counters = counters
        self.login = Tries("login", settings.LOGIN_RATE_LIMIT, counters, bank_id)
        self.device = Tries("device", settings.LOGIN_RATE_LIMIT, counters, bank_id)
        self.account = Slowdown(
            f"account{bank_id}",
            counters,
            free=ACCOUNT_FREE if settings.LOGIN_RATE_LIMIT else UNLIMITED,
            keep_s=ACCOUNT_KEEP_S,
            delay_max_s=ACCOUNT_DELAY_MAX_S,
        )
        address_text = login_address_limit(settings)
        self.login_address = AddressLimit("login_address", address_text, counters, bank_id)
        self.sign_up = AddressLimit("sign_up", sign_up_limit(settings), counters, bank_id)
        self.money = Quota("customer", money_limit(settings), counters, bank_id)

    def of_bank(self, settings: Settings, bank_id: str) -> "RateLimits":
        """Return the limits of another bank, counted beside these."""
        return RateLimits(settings, self.counters, bank_id)


def login_address_limit(settings: Settings) -> str:
    """Return the limit of sign-ins of an address."""
    if settings.LOGIN_ADDRESS_RATE_LIMIT != AUTO:
        return settings.LOGIN_ADDRESS_RATE_LIMIT
    return "10000 per 5 minutes" if _is_to_try(settings) else "1000 per 5 minutes"


def sign_up_limit(settings: Settings) -> str:
    """Return the limit of sign-ups of an address."""
    if settings.SIGN_UP_RATE_LIMIT != AUTO:
        return settings.SIGN_UP_RATE_LIMIT
    return "1000 per minute" if _is_to_try(settings) else "10 per minute"


def money_limit(settings: Settings) -> str:
    """Return the limit of a customer's items that move money; a demo and a sandbox have none."""
    if settings.RATE_LIMIT != AUTO:
        return settings.RATE_LIMIT
    return "" if settings.DEMO or settings.SANDBOX else "600000 per minute"


def _is_to_try(settings: Settings) -> bool:
    """Return whether a bank is one to try out: its limits for an address are generous."""
    return settings.DEMO or settings.SANDBOX or not settings.is_durable


def _hidden(key: tuple[str, ...]) -> str:
    """Return the digest of a key, so that counters hold no names and no addresses."""
    return sha256("\0".join(key).encode()).hexdigest()
