"""Rate limits, by address and where it matters by name as well. They are counted per process."""

from math import ceil
from time import time

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from accounts.config import Settings
from accounts.errors import TooManyRequests


class Limit:
    """One limit, counted for each key apart. An empty text is no limit."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._items: list[RateLimitItem] = parse_many(text) if text else []
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def check(self, *key: str) -> None:
        """Count nothing.

        :raises TooManyRequests: the limit is used up.
        """
        for item in self._items:
            if not self._limiter.test(item, self._name, *key):
                self._refuse(item, key)

    def spend(self, *key: str) -> None:
        """Count one.

        :raises TooManyRequests: the limit is used up.
        """
        for item in self._items:
            if not self._limiter.hit(item, self._name, *key):
                self._refuse(item, key)

    def forgive(self, *key: str) -> None:
        """Forget what was counted."""
        for item in self._items:
            self._limiter.clear(item, self._name, *key)

    def _refuse(self, item: RateLimitItem, key: tuple[str, ...]) -> None:
        reset_at_s = self._limiter.get_window_stats(item, self._name, *key).reset_time
        raise TooManyRequests(max(1, ceil(reset_at_s - time())))


class RateLimits:
    """The limits of a bank, as its settings say."""

    def __init__(self, settings: Settings) -> None:
        self.login = Limit("login", settings.LOGIN_RATE_LIMIT)
        self.login_address = Limit("login_address", settings.LOGIN_ADDRESS_RATE_LIMIT)
        self.sign_up = Limit("sign_up", settings.SIGN_UP_RATE_LIMIT)
        self.money = Limit("money", settings.RATE_LIMIT)
