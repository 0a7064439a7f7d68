"""Amounts as people type them, read exactly: never through a float, and never by a guess.

Point and comma mean different things in different places. What can be read in one way only is
taken wherever it is typed: `12.50`, `12,50`, `1.234,50`, `1 234.50`. Where a single sign stands
before three digits (`1.234`), the visitor's locale decides; where that leaves a doubt it is
refused, since the two readings differ by a factor of a thousand.
"""

import re

from babel import Locale
from babel.numbers import get_currency_symbol

from accounts_bank.ledger.currencies import DECIMALS
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR

_TEXT_MAX = 40
_GROUP_DIGITS = 3
_SHAPE = re.compile(r"[0-9]*(?:[ .,][0-9]+)*")
_GROUPED = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+|[0-9]{1,2}(?: [0-9]{2})* [0-9]{3}")
"""Groups of three, or of two before the last three as in India; spaces stand for the sign."""
_SPACES = re.compile("[\\s\u00a0\u2009\u202f'\u2019]+")
"""What parts groups somewhere and is never a decimal sign."""


class NotAnAmount(ValueError):
    """What was typed is no amount; the message says what to do."""


def read_amount(text: str, currency: str, locale: Locale) -> int:
    """Read an amount into minor units.

    :raises NotAnAmount: it is none, or may be read in two ways.
    """
    digits = _SPACES.sub(" ", _without_currency(text.strip(), currency, locale))
    if not digits:
        raise NotAnAmount("Type an amount.")
    if len(digits) > _TEXT_MAX or not _SHAPE.fullmatch(digits):
        raise NotAnAmount("Type the amount in digits, with nothing around it.")
    whole, fraction = _parted(digits, DECIMALS[currency], locale)
    if len(fraction) > DECIMALS[currency]:
        raise NotAnAmount(_too_fine(currency))
    amount_minor = int((whole or "0") + fraction.ljust(DECIMALS[currency], "0"))
    if amount_minor == 0:
        raise NotAnAmount("Type more than zero.")
    if amount_minor > AMOUNT_MAX_MINOR:
        raise NotAnAmount("The amount is too large.")
    return amount_minor


def typed(amount_minor: int, currency: str, locale: Locale) -> str:
    """Write an amount as it is typed into a field: with its decimals, and digits alone else."""
    decimals = DECIMALS[currency]
    digits = str(amount_minor).rjust(decimals + 1, "0")
    sign = _decimal_sign(locale)
    return f"{digits[:-decimals]}{sign}{digits[-decimals:]}" if decimals else digits


def _decimal_sign(locale: Locale) -> str:
    sign = str(locale.number_symbols["latn"]["decimal"])
    return sign if sign in ".," else "."


def _without_currency(text: str, currency: str, locale: Locale) -> str:
    symbols = (get_currency_symbol(currency, where) for where in (locale, "en"))
    for sign in (currency, *symbols):
        if text.upper().startswith(sign.upper()):
            return text[len(sign) :].strip()
        if text.upper().endswith(sign.upper()):
            return text[: -len(sign)].strip()
    return text


def _parted(digits: str, decimals: int, locale: Locale) -> tuple[str, str]:
    """Part the whole units from the fraction."""
    signs = re.sub("[0-9]", "", digits)
    if not signs:
        return digits, ""
    last = signs[-1]
    if last == " " or signs.count(last) > 1:
        return _joined(digits), ""
    whole, _, fraction = digits.rpartition(last)
    if len(signs) > 1:
        return _joined(whole), fraction
    if len(fraction) == _GROUP_DIGITS and re.fullmatch("[1-9][0-9]{0,2}", whole):
        return _by_locale(whole, fraction, last, decimals, locale)
    return whole, fraction


def _by_locale(
    whole: str, fraction: str, sign: str, decimals: int, locale: Locale
) -> tuple[str, str]:
    """Read what is `1.234` or `1,234`: thousands, or a fraction of three digits."""
    group = locale.number_symbols["latn"]["group"]
    if decimals < _GROUP_DIGITS and sign == group:
        return whole + fraction, ""
    if decimals >= _GROUP_DIGITS and sign == _decimal_sign(locale):
        return whole, fraction
    raise NotAnAmount(f"This can be read in two ways: type {whole}{fraction} for thousands.")


def _joined(digits: str) -> str:
    """Take the signs out from between groups: one kind of sign, and groups of the right size."""
    signs = set(re.sub("[0-9]", "", digits))
    if len(signs) > 1 or not _GROUPED.fullmatch(re.sub("[.,]", " ", digits)):
        raise NotAnAmount("Points and commas stand where no number has them: type digits alone.")
    return re.sub("[ .,]", "", digits)


def _too_fine(currency: str) -> str:
    decimals = DECIMALS[currency]
    if decimals == 0:
        return f"{currency} has no decimals."
    return f"{currency} has {decimals} decimals at most."
