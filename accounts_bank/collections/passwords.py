"""Passwords: argon2id, at the cost that OWASP ASVS 5 asks for or above."""

from threading import BoundedSemaphore
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from accounts_bank.errors import Unavailable

MEMORY_KIB = 19 * 1024
TIME_COST = 2
PARALLELISM = 1
"""OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 iterations, 1 degree."""

AT_ONCE_MAX = 4
WAIT_MAX_S = 10


class Passwords:
    """Hashes and checks passwords, a few at a time: each one takes 19 MiB."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Use a hasher other than the standard one in tests only."""
        self._hasher = hasher or PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM)
        self._turns = BoundedSemaphore(AT_ONCE_MAX)
        self._nobodys_hash = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Hash a password, in the PHC string format.

        :raises Unavailable: too many others wait for the same.
        """
        with _Turn(self._turns):
            return self._hasher.hash(_composed(password))

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password is the one that was hashed; as slow where there is no hash.

        :raises Unavailable: too many others wait for the same.
        """
        with _Turn(self._turns):
            try:
                self._hasher.verify(password_hash or self._nobodys_hash, _composed(password))
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None


class _Turn:
    def __init__(self, turns: BoundedSemaphore) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        if not self._turns.acquire(timeout=WAIT_MAX_S):
            raise Unavailable("Too many sign-ins at once.")

    def __exit__(self, *_error: object) -> None:
        self._turns.release()


def _composed(password: str) -> str:
    """Write a password in one form (NFKC), whatever keyboard it was typed on (NIST SP 800-63B)."""
    return normalize("NFKC", password)
