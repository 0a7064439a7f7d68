"""Passwords: hashed with argon2id at the cost that OWASP ASVS 5 requires."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import HashingError, InvalidHashError, VerificationError

from accounts_bank.errors import Unavailable

MEMORY_KIB = 19 * 1024
TIME_COST = 2
PARALLELISM = 1
"""OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 iterations, 1 degree of
parallelism."""

NO_MEMORY = "Memory allocation error"
"""The text of argon2's error -22 (ARGON2_MEMORY_ALLOCATION_ERROR)."""

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
AT_ONCE_MAX = max(1, CORES - 1)
"""The number of passwords that are hashed at once: one core stays free for payments."""
WAITING_MAX = 100
"""The number of requests that wait for a hash. One more is refused at once."""
WAIT_MAX_S = 10
"""The time that a request waits for its hash to start."""


class Passwords:
    """Hashes and verifies passwords, a few at a time: each hash takes 19 MiB."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Use a hasher other than the standard one only in tests."""
        self._hasher = hasher or PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM)
        self._slots = BoundedSemaphore(AT_ONCE_MAX)
        self._places = BoundedSemaphore(AT_ONCE_MAX + WAITING_MAX)
        self._unused_hash = self.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Return the hash of a password in the PHC string format.

        :raises Unavailable: too many requests wait already, no slot became free within
            `WAIT_MAX_S`, or memory is short.
        """
        with self._slot():
            return self._hasher.hash(_normalized(password))

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Return whether a password matches a hash.

        Without a hash (None or "") it does not, after the same time.

        :raises Unavailable: too many requests wait already, no slot became free within
            `WAIT_MAX_S`, or memory is short.
        """
        with self._slot():
            try:
                self._hasher.verify(password_hash or self._unused_hash, _normalized(password))
            except (VerificationError, InvalidHashError) as error:
                if str(error) == NO_MEMORY:
                    raise
                return False
        return bool(password_hash)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        with _taken(self._places, 0), _taken(self._slots, WAIT_MAX_S):
            try:
                yield
            except (HashingError, VerificationError) as error:
                raise Unavailable(f"The server cannot hash a password: {error}.") from error


@contextmanager
def _taken(bound: BoundedSemaphore, wait_s: float) -> Iterator[None]:
    if not bound.acquire(timeout=wait_s):
        raise Unavailable("Too many sign-ins at once. Send the request again later.")
    try:
        yield
    finally:
        bound.release()


def _normalized(password: str) -> str:
    """Return a password in NFKC, so that every keyboard produces the same one (NIST SP 800-63B)."""
    return normalize("NFKC", password)
