"""How things are written for people: money as their locale writes it, times in words and exact."""

import re
from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_timedelta
from babel.numbers import NumberPattern
from flask import request

from accounts_bank.http.bank import bank
from accounts_bank.ledger.currencies import DECIMALS

_FALLBACK = "en"
_WORDS = "en"
_LOCALES_KEPT = 1_000
_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=[-+\d])|(?<=\d)(?=[^\W\d_])")
"""Where a currency's letters touch digits: CLDR has a space there, and Babel leaves it out."""
_LANGUAGES_READ_MAX = 10


def locale() -> Locale:
    """Give the locale that writes this visitor's numbers, as `Accept-Language` asks."""
    return _locale_for(tuple(request.accept_languages.values())[:_LANGUAGES_READ_MAX])


def money(amount_minor: int, currency: str, *, signed: bool = False) -> str:
    """Write an amount of minor units with its currency; `signed` writes a plus as well."""
    decimals = DECIMALS[currency]
    where = locale()
    text = _pattern(str(where), decimals).apply(
        Decimal(amount_minor).scaleb(-decimals), where, currency=currency, currency_digits=False
    )
    text = _TOUCHING.sub("\u00a0", text)
    return f"+{text}" if signed and amount_minor > 0 else text


def in_fours(number: str) -> str:
    """Write an account's number in groups of four, as IBANs are printed (ISO 13616)."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def exact(at: datetime) -> str:
    """Write a moment to the minute, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def in_words(at: datetime) -> str:
    """Say how long ago a moment was, or how far away it is."""
    away = at - bank().clock()
    return format_timedelta(away, add_direction=True, locale=_WORDS, threshold=1.5)


def day(at: datetime) -> str:
    """Write the day of a moment, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def machine(at: datetime) -> str:
    """Write a moment for machines: RFC 3339, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@lru_cache(_LOCALES_KEPT)
def _locale_for(languages: tuple[str, ...]) -> Locale:
    for language in languages:
        try:
            return Locale.parse(language, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return Locale.parse(_FALLBACK)


@lru_cache(_LOCALES_KEPT)
def _pattern(where: str, decimals: int) -> NumberPattern:
    """Give the locale's pattern for money with as many decimals as ISO 4217 says."""
    pattern: NumberPattern = copy(Locale.parse(where).currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return pattern
