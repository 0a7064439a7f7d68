"""Amounts as people write them: minor units with the point where ISO 4217 puts it, and no float."""

from accounts_bank.ledger.currencies import DECIMALS


def decimal_text(amount_minor: int, currency: str) -> str:
    """Write an amount in major units: -1234 minor units of EUR are "-12.34"."""
    decimals = DECIMALS[currency]
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
