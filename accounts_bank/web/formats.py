"""Formats for people: money by locale, times in words and exact."""

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
"""The places between a currency's letters and digits: CLDR has a space there, Babel omits it."""
_LANGUAGES_READ_MAX = 10


def locale() -> Locale:
    """Return the locale of the visitor's `Accept-Language` header."""
    return _locale_for(tuple(request.accept_languages.values())[:_LANGUAGES_READ_MAX])


def money(amount_minor: int, currency: str, *, signed: bool = False) -> str:
    """Format an amount in minor units with its currency; `signed` adds a plus to income."""
    decimals = DECIMALS[currency]
    where = locale()
    text = _pattern(str(where), decimals).apply(
        Decimal(amount_minor).scaleb(-decimals), where, currency=currency, currency_digits=False
    )
    text = _TOUCHING.sub("\u00a0", text)
    return f"+{text}" if signed and amount_minor > 0 else text


def in_fours(number: str) -> str:
    """Format an account number in groups of four, as IBANs are printed (ISO 13616)."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def exact(at: datetime) -> str:
    """Format a time to the minute, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def in_words(at: datetime) -> str:
    """Format the distance of a time from now in words."""
    away = at - bank().clock()
    return format_timedelta(away, add_direction=True, locale=_WORDS, threshold=1.5)


def day(at: datetime) -> str:
    """Format the day of a time, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def machine(at: datetime) -> str:
    """Format a time for machines: RFC 3339, in UTC."""
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
    """Return the locale's pattern for money with the decimals of ISO 4217."""
    pattern: NumberPattern = copy(Locale.parse(where).currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return pattern
