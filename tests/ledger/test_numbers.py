"""Account numbers and currencies."""

import pytest
from stdnum import iban

from accounts_bank.ledger.currencies import DECIMALS
from accounts_bank.ledger.iban import CANDIDATES, canonical, is_number, numbers_for


def test_numbers_are_ibans_with_right_check_digits():
    numbers = [number for seed in range(500) for number in numbers_for(str(seed))]
    assert all(iban.is_valid(number) for number in numbers)
    assert len(set(numbers)) == 500 * CANDIDATES


def test_no_real_bank_has_the_bank_code():
    assert {number[4:12] for number in numbers_for("x")} == {"99900000"}


def test_one_wrong_digit_is_detected():
    (number, *_) = numbers_for("x")
    for place in range(4, len(number)):
        wrong = (int(number[place]) + 1) % 10
        assert not iban.is_valid(f"{number[:place]}{wrong}{number[place + 1 :]}")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("DE12999000001234567890", "DE12999000001234567890"),
        ("de12 9990 0000 1234 5678 90", "DE12999000001234567890"),
        ("01A20BD2-2E7C-74DA-B41C-61317AFFE3B6", "01a20bd2-2e7c-74da-b41c-61317affe3b6"),
        ("de12bd22-2e7c-74da-b41c-61317affe3b6", "de12bd22-2e7c-74da-b41c-61317affe3b6"),
        ("'; DROP TABLE", "'; drop table"),
    ],
)
def test_a_name_is_kept_as(given, kept):
    assert canonical(given) == kept


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("IQD", 3), ("RSD", 2), ("CLF", 4), ("UYW", 4)],
)
def test_a_currency_has_decimals(currency, decimals):
    assert DECIMALS[currency] == decimals


def test_a_currency_without_minor_unit_is_unknown():
    assert not {"XAU", "XDR", "XXX", "XTS", "EURO", "eur"} & DECIMALS.keys()
    assert all(len(code) == 3 and code.isupper() for code in DECIMALS)


def test_a_number_differs_from_other_text():
    (number, *_) = numbers_for("x")
    assert is_number(number) is True
    assert is_number(f"{number[:-1]}{(int(number[-1]) + 1) % 10}") is False
    assert is_number("de12bd22-2e7c-74da-b41c-61317affe3b6") is False
