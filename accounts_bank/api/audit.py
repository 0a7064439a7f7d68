"""/v1/audit and /v1/integrity: the audit trail and the self-check, for auditors."""

import msgspec
from flask import Blueprint, Response

from accounts_bank.api.operations import AUDITORS, operation
from accounts_bank.api.schemas.audit import AuditQuery, AuditView
from accounts_bank.audit.chain import Link
from accounts_bank.audit.verifier import Report
from accounts_bank.http import cursors
from accounts_bank.http.bank import bank
from accounts_bank.http.messages import answer, page
from accounts_bank.identity import Caller

audit = Blueprint("audit", __name__, url_prefix="/v1")


@audit.get("/audit")
@operation("Read the audit trail", who=AUDITORS, query=AuditQuery, answer=AuditView, is_page=True)
def list_audit(_caller: Caller, query: AuditQuery) -> Response:
    """List the lines of the audit log above a number, the oldest first, as they are written."""
    sealer = bank().audit
    sealer.seal()
    after = cursors.number_of(query.cursor) if query.cursor else query.after
    lines = sealer.log.read(after, query.limit + 1)
    shown = lines[: query.limit]
    cursor = cursors.of_number(_number(shown[-1])) if len(lines) > query.limit else None
    return page([msgspec.Raw(line) for line in shown], cursor)


@audit.get("/integrity")
@operation("Prove the books", who=AUDITORS, answer=Report)
def check_integrity(_caller: Caller) -> Response:
    """Prove all balances, lines, entries and the audit log; name the first thing that is wrong."""
    return answer(bank().verifier.verify())


def _number(line: bytes) -> int:
    return msgspec.json.decode(line, type=Link).number
