"""Account numbers: IBANs (ISO 13616) of a bank that does not exist, so that a typo is caught.

The country's format is Germany's: eight digits of bank code, ten of account. No German bank code
begins with a 9, so none of these numbers belongs to anybody.
"""

from functools import lru_cache
from hashlib import sha256
from re import compile as pattern

from stdnum import iban

BANK_CODE = "99900000"
CANDIDATES = 4
"""How many numbers an account may try: four taken in a row is past any bank's size."""

_DE_WITHOUT_CHECK = "131400"
"""What stands behind the account while its check digits are reckoned (ISO 13616, ISO 7064)."""

_NUMBER = pattern(r"[A-Za-z]{2}[0-9][0-9A-Za-z ]*")


@lru_cache(maxsize=1024)
def numbers_for(account_id: str) -> tuple[str, ...]:
    """Give the numbers an account may get, the first free one in this order."""
    return tuple(_number(f"{account_id}/{turn}") for turn in range(CANDIDATES))


def is_number(text: str) -> bool:
    """Tell whether a text is an IBAN with right check digits."""
    return bool(iban.is_valid(text))


def canonical(name: str) -> str:
    """Write an account's id or number as the ledger keeps it: no spaces, one case."""
    if _NUMBER.fullmatch(name):
        return name.replace(" ", "").upper()
    return name.lower()


def _number(seed: str) -> str:
    digits = int.from_bytes(sha256(seed.encode()).digest()[:8], "big") % 10**10
    body = f"{BANK_CODE}{digits:010d}"
    return f"DE{98 - int(body + _DE_WITHOUT_CHECK) % 97:02d}{body}"
