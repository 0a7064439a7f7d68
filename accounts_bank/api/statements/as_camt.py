"""A statement as ISO 20022 camt.053.001.08, BankToCustomerStatementV08.

Elements stand in the order of the published schema. Identifiers have 35 characters at most, so ids
are written without their hyphens. Domain codes are from the ISO 20022 external code sets.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from html import escape

from accounts_bank.api.statements.amounts import decimal_text
from accounts_bank.api.statements.views import Pages
from accounts_bank.collections.statements import Statement
from accounts_bank.ledger.values import Line

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

_NAME_MAX = 70
_ID_MAX = 32
_NO_XML = str.maketrans(dict.fromkeys("\ufffe\uffff", "\ufffd"))
"""The two characters that a line of text may have and XML 1.0 may not."""

_FAMILIES = {("deposit", True): ("CNTR", "CDPT"), ("withdrawal", False): ("CNTR", "CWDL")}
for _kind in ("transfer", "capture", "reversal"):
    _FAMILIES |= {(_kind, True): ("RCDT", "BOOK"), (_kind, False): ("ICDT", "BOOK")}
"""Kind and whether it was paid in -> family and subfamily of the domain of payments."""


def written(statement: Statement, pages: Pages) -> Iterator[bytes]:
    """Write a statement as one message with one statement in it."""
    yield _head(statement).encode()
    for page in pages:
        yield "".join(_entry(line, statement.account.currency) for line in page).encode()
    yield b"</Stmt></BkToCstmrStmt></Document>\n"


def _head(statement: Statement) -> str:
    message_id, made_at = _id_of(statement), _time(statement.made_at)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>'
        f"{_tag('GrpHdr', _tag('MsgId', message_id), _tag('CreDtTm', made_at))}"
        f"<Stmt>{_tag('Id', message_id)}{_tag('CreDtTm', made_at)}"
        f"{_period(statement)}{_account(statement)}"
        f"{_balance(statement, 'OPBD', statement.opening_minor, statement.since)}"
        f"{_balance(statement, 'CLBD', statement.closing_minor, statement.until)}"
        f"{_summary(statement)}"
    )


def _id_of(statement: Statement) -> str:
    """Name a statement by its content: the same lines of the same period have the same id."""
    parts = (statement.account.id, statement.since, statement.until, statement.line_count)
    return sha256(" ".join(map(str, parts)).encode()).hexdigest()[:_ID_MAX]


def _period(statement: Statement) -> str:
    since, until = _time(statement.since), _time(statement.until)
    return _tag("FrToDt", _tag("FrDtTm", since), _tag("ToDtTm", until))


def _account(statement: Statement) -> str:
    account = statement.account
    return _tag(
        "Acct",
        _iban(account.number),
        _tag("Ccy", account.currency),
        _tag("Nm", _text(account.name[:_NAME_MAX])),
    )


def _balance(statement: Statement, code: str, balance_minor: int, at: datetime) -> str:
    return _tag(
        "Bal",
        _tag("Tp", _tag("CdOrPrtry", _tag("Cd", code))),
        _amount(balance_minor, statement.account.currency),
        _tag("Dt", _tag("DtTm", _time(at))),
    )


def _summary(statement: Statement) -> str:
    return _tag("TxsSummry", _tag("TtlNtries", _tag("NbOfNtries", str(statement.line_count))))


def _entry(line: Line, currency: str) -> str:
    at = _tag("DtTm", _time(line.at))
    return _tag(
        "Ntry",
        _tag("NtryRef", str(line.number)),
        _amount(line.amount_minor, currency),
        _tag("Sts", _tag("Cd", "BOOK")),
        _tag("BookgDt", at),
        _tag("ValDt", at),
        _tag("AcctSvcrRef", _reference(line)),
        _tag("BkTxCd", _domain(line), _tag("Prtry", _tag("Cd", line.kind))),
        _tag("NtryDtls", _tag("TxDtls", *_details(line, currency))),
    )


def _details(line: Line, currency: str) -> Iterator[str]:
    yield _tag("Refs", _tag("AcctSvcrRef", _reference(line)))
    yield _amount(line.amount_minor, currency)
    if line.counterparty is not None:
        side = "DbtrAcct" if line.amount_minor > 0 else "CdtrAcct"
        yield _tag("RltdPties", _tag(side, _iban(line.counterparty)))
    if line.reference is not None:
        yield _tag("RmtInf", _tag("Ustrd", _text(line.reference)))


def _domain(line: Line) -> str:
    found = _FAMILIES.get((line.kind, line.amount_minor > 0))
    if found is None:
        return ""
    family, subfamily = found
    codes = _tag("Cd", family) + _tag("SubFmlyCd", subfamily)
    return _tag("Domn", _tag("Cd", "PMNT"), _tag("Fmly", codes))


def _amount(amount_minor: int, currency: str) -> str:
    text = decimal_text(abs(amount_minor), currency)
    side = "DBIT" if amount_minor < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{text}</Amt>{_tag("CdtDbtInd", side)}'


def _iban(number: str) -> str:
    return _tag("Id", _tag("IBAN", number))


def _reference(line: Line) -> str:
    return line.entry_id.replace("-", "")


def _text(text: str) -> str:
    return escape(text.translate(_NO_XML), quote=False)


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _tag(name: str, *content: str) -> str:
    return f"<{name}>{''.join(content)}</{name}>"
