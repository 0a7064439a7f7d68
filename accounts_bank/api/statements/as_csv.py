"""A statement as CSV (RFC 4180), safe to open in a spreadsheet.

A cell that begins with one of `=+-@` may run as a formula: in columns of text
such a cell gets a leading apostrophe (OWASP, CSV Injection). Columns of numbers are left alone.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO

import msgspec

from accounts_bank.api.statements.amounts import decimal_text
from accounts_bank.api.statements.views import Pages
from accounts_bank.collections.statements import Statement
from accounts_bank.ledger.values import Line

COLUMNS = (
    *("account", "number", "at", "kind", "amount_minor", "amount", "balance_minor", "balance"),
    *("currency", "counterparty", "reference", "entry_id"),
)
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The first signs of a formula; the last four are the same signs in full width."""

Row = tuple[object, ...]


def written(statement: Statement, pages: Pages) -> Iterator[bytes]:
    """Write a statement: a row for the opening balance, one for each line, one for the closing."""
    since, until = statement.since, statement.until
    opening = _balance(statement, "opening_balance", since, statement.opening_minor)
    yield rows([COLUMNS, opening])
    for page in pages:
        yield rows(_line(statement, line) for line in page)
    yield rows([_balance(statement, "closing_balance", until, statement.closing_minor)])


def _balance(statement: Statement, kind: str, at: datetime, balance_minor: int) -> Row:
    account = statement.account
    balance = decimal_text(balance_minor, account.currency)
    amounts = ("", "", balance_minor, balance, account.currency)
    return (account.number, "", _time(at), kind, *amounts, "", "", "")


def _line(statement: Statement, line: Line) -> Row:
    currency = statement.account.currency
    return (
        statement.account.number,
        line.number,
        _time(line.at),
        line.kind,
        line.amount_minor,
        decimal_text(line.amount_minor, currency),
        line.balance_minor,
        decimal_text(line.balance_minor, currency),
        currency,
        _harmless(line.counterparty),
        _harmless(line.reference),
        line.entry_id,
    )


def _harmless(text: str | None) -> str:
    return f"'{text}" if text and text.startswith(_RUNS) else text or ""


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def cell(value: object) -> object:
    """Return a value as a cell: text runs as no formula, pairs are JSON, and nothing is empty."""
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode() if value else ""
    return _harmless(value) if isinstance(value, str) else "" if value is None else value


def rows(given: Iterable[Iterable[object]]) -> bytes:
    """Write rows of cells."""
    text = StringIO(newline="")
    csv.writer(text).writerows(given)
    return text.getvalue().encode()
