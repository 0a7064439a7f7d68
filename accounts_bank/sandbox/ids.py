"""Ids of a sandbox bank: the same seed, time and calls make the same ids.

    | 48 bits: milliseconds of the bank's clock | 7 | 12 + 20 bits: counter | 42 bits: hash |

The ids are UUIDs of version 7 (RFC 9562, 5.7 and 6.2, method 1). The counter keeps the order of
creation while the clock stands. The hash of the seed and the counter tells two banks apart.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from msgspec import Struct

from accounts_bank.concurrency.greenlets import InlineLock

_COUNTER_BITS, _LOW_BITS, _HASH_BITS = 32, 20, 42


class IdState(Struct, frozen=True):
    """The ids as they are saved: the seed, and how many ids it has made."""

    seed: str
    count: int = 0


class SeededIds:
    """Makes the ids of one bank."""

    def __init__(self, clock: Callable[[], datetime], seed: str) -> None:
        """Begin with the first id of a seed; `clock` gives the time of the bank."""
        self._clock = clock
        self._lock = InlineLock()
        self._state = IdState(seed)

    def __call__(self) -> str:
        """Return the next id."""
        with self._lock:
            seed, count = self._state.seed, self._state.count + 1
            self._state = IdState(seed, count)
        milliseconds = int(self._clock().timestamp() * 1000)
        counter = count % (1 << _COUNTER_BITS)
        digest = blake2b(f"{count}:{seed}".encode(), digest_size=8).digest()
        low = counter & (1 << _LOW_BITS) - 1
        tail = low << _HASH_BITS | int.from_bytes(digest, "big") >> 64 - _HASH_BITS
        head = milliseconds << 80 | 7 << 76 | counter >> _LOW_BITS << 64
        return str(UUID(int=head | 2 << 62 | tail))

    def state(self) -> IdState:
        """Return the ids as they are saved."""
        return self._state

    def restore(self, state: IdState) -> None:
        """Go on where saved ids ended."""
        self._state = state
