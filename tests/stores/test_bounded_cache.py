"""The bounded cache: the newest values stay, for several threads."""

from accounts_bank.concurrency.bounded_cache import BoundedCache
from tests.stores.books import at_once


def test_a_full_cache_drops_its_oldest_value():
    cache = BoundedCache[int](2)
    for number, key in enumerate("abc"):
        cache.put(key, number)
    assert [cache.get(key) for key in "abc"] == [None, 1, 2]
    assert len(cache) == 2


def test_a_dropped_key_is_absent():
    cache = BoundedCache[int](2)
    cache.put("a", 1)
    cache.drop("a")
    cache.drop("a")
    assert cache.get("a") is None


def test_threads_share_a_cache(switching):
    cache = BoundedCache[int](50)

    def use(number: int) -> None:
        for turn in range(500):
            cache.put(f"{turn % 100}", number)
            cache.get(f"{(turn + 50) % 100}")
            cache.drop(f"{(turn + 25) % 100}")

    at_once(4, use)
    assert len(cache) <= 50
