"""/v1/audit and /v1/integrity: the audit trail and the self-check, for auditors."""

import msgspec

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.audit import AuditQuery, AuditView
from accounts_bank.audit.chain import trail_line
from accounts_bank.audit.verifier import Report
from accounts_bank.collections.permissions import Permission
from accounts_bank.http import cursors
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.pagination import page_of

operations = Operations("audit", "/v1")


@operations.declare(
    "GET",
    "/audit",
    "Read the audit trail",
    permission=Permission.READ_AUDIT,
    query=AuditQuery,
    answer=AuditView,
    is_page=True,
)
def list_audit(bank: Bank, query: AuditQuery) -> Answer:
    """List the lines of the audit trail after a number, the oldest first."""
    after = cursors.number_of(query.cursor) if query.cursor else query.after
    items = bank.audit.trail(after, query.limit + 1)
    return page_of(
        items,
        query.limit,
        lambda item: cursors.of_number(item.number),
        lambda item: msgspec.Raw(trail_line(item)),
    )


@operations.declare(
    "GET", "/integrity", "Prove the books", permission=Permission.PROVE, answer=Report
)
def check_integrity(bank: Bank) -> Answer:
    """Check all balances, lines, entries and the audit log; name the first fault."""
    return Answer(bank.verifier.verify())
