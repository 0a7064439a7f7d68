"""Account numbers: IBANs (ISO 13616) of a bank that does not exist. Check digits reveal a typo.

The format is Germany's: eight digits of bank code, ten digits of account. No German bank code
begins with a 9, so no person owns one of these numbers.
"""

from functools import lru_cache
from hashlib import sha256
from re import compile as pattern

from stdnum import iban

BANK_CODE = "99900000"
CANDIDATES = 4
"""The numbers that an account may try. In no real bank are all four of them taken."""

_DE_WITHOUT_CHECK = "131400"
"""DE00 as digits, moved behind the account to compute the check digits (ISO 13616, ISO 7064)."""

_NUMBER = pattern(r"[A-Za-z]{2}[0-9][0-9A-Za-z ]*")


@lru_cache(maxsize=1024)
def numbers_for(account_id: str) -> tuple[str, ...]:
    """Return the candidate numbers of an account; it gets the first one that is free."""
    return tuple(_number(f"{account_id}/{turn}") for turn in range(CANDIDATES))


def is_number(text: str) -> bool:
    """Return whether a text is an IBAN with right check digits (ISO 13616, ISO 7064)."""
    return bool(iban.is_valid(text))


def canonical(name: str) -> str:
    """Return an account's id or number as the ledger keeps it: without spaces, in one case."""
    if _NUMBER.fullmatch(name):
        return name.replace(" ", "").upper()
    return name.lower()


def _number(seed: str) -> str:
    digits = int.from_bytes(sha256(seed.encode()).digest()[:8], "big") % 10**10
    body = f"{BANK_CODE}{digits:010d}"
    return f"DE{98 - int(body + _DE_WITHOUT_CHECK) % 97:02d}{body}"
