"""Parse amounts as people type them, without floats and without guesses.

Point and comma mean different things in different locales. A text with one possible reading is
accepted in every locale: `12.50`, `12,50`, `1.234,50`, `1 234.50`. The visitor's locale decides if
one sign precedes three digits (`1.234`). If it leaves a doubt, the text is refused, because the two
readings differ by a factor of 1,000.
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
"""Groups of three digits, or of two before the last three as in India; spaces separate them."""
_SPACES = re.compile("[\\s\u00a0\u2009\u202f'\u2019]+")
"""Signs that separate groups in some locale and are never a decimal sign."""


class NotAnAmount(ValueError):
    """The text is not an amount; the message tells the visitor how to write it."""


def read_amount(text: str, currency: str, locale: Locale) -> int:
    """Return a typed amount in minor units.

    :param text: the text of the field, with or without the currency.
    :param currency: the ISO 4217 code of the account.
    :raises NotAnAmount: the text is not an amount, or has two readings.
    """
    digits = _SPACES.sub(" ", _without_currency(text.strip(), currency, locale))
    if not digits:
        raise NotAnAmount("Type an amount.")
    if len(digits) > _TEXT_MAX or not _SHAPE.fullmatch(digits):
        raise NotAnAmount("Type the amount in digits alone.")
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
    """Return the text of an amount for a field: its digits and decimals, without groups."""
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
    """Split the digits into whole units and fraction."""
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
    """Read `1.234` or `1,234` by locale: as thousands or as a fraction of three digits."""
    group = locale.number_symbols["latn"]["group"]
    if decimals < _GROUP_DIGITS and sign == group:
        return whole + fraction, ""
    if decimals >= _GROUP_DIGITS and sign == _decimal_sign(locale):
        return whole, fraction
    raise NotAnAmount(f"This amount has two readings. Type {whole}{fraction} for thousands.")


def _joined(digits: str) -> str:
    """Remove the group signs; all must be the same sign, and the groups of the right size."""
    signs = set(re.sub("[0-9]", "", digits))
    if len(signs) > 1 or not _GROUPED.fullmatch(re.sub("[.,]", " ", digits)):
        raise NotAnAmount("A point or comma is in the wrong place. Type digits alone.")
    return re.sub("[ .,]", "", digits)


def _too_fine(currency: str) -> str:
    decimals = DECIMALS[currency]
    if decimals == 0:
        return f"{currency} has no decimals."
    return f"{currency} has {decimals} decimals at most."
