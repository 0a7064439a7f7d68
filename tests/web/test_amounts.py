"""Typed amounts: read exactly or refused."""

from contextlib import suppress

import pytest
from babel import Locale, localedata
from hypothesis import given
from hypothesis import strategies as st

from accounts_bank.ledger.currencies import DECIMALS
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR
from accounts_bank.web.amounts import NotAnAmount, read_amount, typed

EN, DE, FR, CH, IN = (Locale.parse(each) for each in ("en", "de", "fr", "de_CH", "en_IN"))


@pytest.mark.parametrize("locale", [EN, DE, FR, CH, IN])
@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("12.50", 1250),
        ("12,50", 1250),
        ("12", 1200),
        ("12.5", 1250),
        (",50", 50),
        ("0.01", 1),
        ("1.234,50", 123450),
        ("1,234.50", 123450),
        ("1 234,50", 123450),
        ("1\u202f234\u00a0567.5", 123456750),
        ("1'234.50", 123450),
        ("1\u2019234.50", 123450),
        ("1.234.567", 123456700),
        ("12,34,567.89", 123456789),
        ("  7 ", 700),
        ("EUR 12.50", 1250),
        ("12,50 €", 1250),
        ("€12.50", 1250),
        ("12.50 eur", 1250),
        ("90071992547409.91", AMOUNT_MAX_MINOR),
        ("0.1", 10),
        ("0.29", 29),
    ],
)
def test_an_amount_with_one_reading_is_accepted_in_every_locale(locale, text, minor):
    assert read_amount(text, "EUR", locale) == minor


@pytest.mark.parametrize(
    ("locale", "currency", "text", "minor"),
    [
        (EN, "EUR", "1,234", 123400),
        (DE, "EUR", "1.234", 123400),
        (EN, "JPY", "1,234", 1234),
        (DE, "JPY", "1.234", 1234),
        (EN, "KWD", "1.234", 1234),
        (DE, "KWD", "1,234", 1234),
        (EN, "KWD", "0.123", 123),
        (EN, "IQD", "0.5", 500),
        (EN, "JPY", "500", 500),
        (EN, "CLF", "1.2345", 12345),
    ],
)
def test_the_locale_decides_about_a_sign_before_three_digits(locale, currency, text, minor):
    assert read_amount(text, currency, locale) == minor


@pytest.mark.parametrize(
    ("locale", "currency", "text"),
    [
        (DE, "EUR", "1,234"),
        (EN, "EUR", "1.234"),
        (FR, "EUR", "1.234"),
        (FR, "EUR", "1,234"),
        (CH, "EUR", "1.234"),
        (EN, "KWD", "1,234"),
        (DE, "KWD", "1.234"),
        (EN, "JPY", "1.234"),
    ],
)
def test_an_amount_with_two_readings_is_refused(locale, currency, text):
    with pytest.raises(NotAnAmount, match=r"two readings\. Type 1234"):
        read_amount(text, currency, locale)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Type an amount"),
        ("EUR", "Type an amount"),
        ("0", "more than zero"),
        ("0,00", "more than zero"),
        ("-5", "digits"),
        ("+5", "digits"),
        ("1e3", "digits"),
        ("NaN", "digits"),
        ("ten", "digits"),
        ("12.", "digits"),
        ("1..5", "digits"),
        ("\uff11\uff12", "digits"),
        ("1_000", "digits"),
        ("5 USD", "digits"),
        ("12.345,678", "2 decimals"),
        ("0.001", "2 decimals"),
        ("12.3456", "2 decimals"),
        ("1.23.45", "A point or comma"),
        ("12 50", "A point or comma"),
        ("1,23.50", "A point or comma"),
        ("1.234 567", "A point or comma"),
        ("90071992547409.92", "too large"),
        ("9" * 41, "digits"),
        ("9" * 4000, "digits"),
    ],
)
def test_a_text_without_an_amount_is_refused_with_a_reason(text, why):
    with pytest.raises(NotAnAmount, match=why):
        read_amount(text, "EUR", EN)


def test_a_currency_without_decimals_refuses_decimals():
    with pytest.raises(NotAnAmount, match="JPY has no decimals"):
        read_amount("12.5", "JPY", EN)


@given(
    st.integers(1, AMOUNT_MAX_MINOR),
    st.sampled_from(sorted(DECIMALS)),
    st.sampled_from(sorted(localedata.locale_identifiers())),
)
def test_the_amount_of_a_field_is_read_back(minor, currency, name):
    locale = Locale.parse(name)
    assert read_amount(typed(minor, currency, locale), currency, locale) == minor


@given(st.text(max_size=50), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_every_text_is_an_amount_or_refused(text, currency):
    with suppress(NotAnAmount):
        assert 1 <= read_amount(text, currency, DE) <= AMOUNT_MAX_MINOR
