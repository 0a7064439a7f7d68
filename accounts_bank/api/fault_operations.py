"""/v1/sandbox/faults: answers that go wrong on purpose, and are counted."""

from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.faults import FaultRequest, FaultsQuery, FaultView, fault_view
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import InvalidRequest
from accounts_bank.http import cursors
from accounts_bank.http.answers import NO_CONTENT, Answer
from accounts_bank.http.bank import Bank, sandbox_of
from accounts_bank.http.pagination import page_of
from accounts_bank.sandbox.faults import Match, Plan

operations = Operations("sandbox", "/v1/sandbox/faults")


@operations.declare(
    "POST",
    "",
    "Make a fault",
    permission=Permission.CONTROL_SANDBOX,
    body=FaultRequest,
    answer=FaultView,
    status=201,
    codes=("sandbox_full",),
    is_sandbox=True,
)
def make_fault(bank: Bank, body: FaultRequest, operation_ids: AbstractSet[str]) -> Answer:
    """Let requests that match go wrong: refused, late, lost or cut.

    One request can carry its own fault in the header `Accounts-Fault`: `drop=after_commit`,
    `drop=before`, `truncate=60`, `delay_ms=500` or `answer=503`.
    """
    body.do.check()
    plan = Plan(
        match=_checked(body.match, operation_ids),
        do=body.do,
        times=body.times,
        ttl_s=body.ttl_s,
        probability=body.probability,
        seed=body.seed,
    )
    faults = sandbox_of(bank).faults
    fault = faults.add(plan)
    location = f"/v1/sandbox/faults/{fault.id}"
    return Answer(fault_view(fault, faults.now), 201, location=location)


@operations.declare(
    "GET",
    "",
    "List the faults",
    permission=Permission.CONTROL_SANDBOX,
    query=FaultsQuery,
    answer=FaultView,
    is_page=True,
    is_sandbox=True,
)
def list_faults(bank: Bank, query: FaultsQuery) -> Answer:
    """List the faults with their hits, the oldest first. A fault that has ended stays listed."""
    faults = sandbox_of(bank).faults
    after = cursors.id_of(query.cursor) if query.cursor else ""
    found = [each for each in faults.all() if each.id > after][: query.limit + 1]
    now = faults.now
    return page_of(
        found,
        query.limit,
        lambda each: cursors.of_id(each.id),
        lambda each: fault_view(each, now),
    )


@operations.declare(
    "DELETE",
    "",
    "Delete all faults",
    permission=Permission.CONTROL_SANDBOX,
    status=204,
    is_sandbox=True,
)
def delete_faults(bank: Bank) -> Answer:
    """End all faults of the bank, and forget their hits."""
    sandbox_of(bank).faults.clear()
    return NO_CONTENT


@operations.declare(
    "GET",
    "/<fault_id>",
    "Read a fault",
    permission=Permission.CONTROL_SANDBOX,
    answer=FaultView,
    codes=("not_found",),
    is_sandbox=True,
)
def read_fault(bank: Bank, fault_id: str) -> Answer:
    """Show the hits of a fault and the number that is left."""
    faults = sandbox_of(bank).faults
    return Answer(fault_view(faults.fault(fault_id), faults.now))


@operations.declare(
    "DELETE",
    "/<fault_id>",
    "Delete a fault",
    permission=Permission.CONTROL_SANDBOX,
    status=204,
    codes=("not_found",),
    is_sandbox=True,
)
def delete_fault(bank: Bank, fault_id: str) -> Answer:
    """End a fault, and forget its hits."""
    sandbox_of(bank).faults.drop(fault_id)
    return NO_CONTENT


def _checked(match: Match, operation_ids: AbstractSet[str]) -> Match:
    """Return a match with the operation as the OpenAPI document names it."""
    if match.operation is None:
        return match
    operation = match.operation.replace(".", "_")
    if operation not in operation_ids:
        message = "Send an `operationId` of /openapi.json, such as `transfers_transfer`."
        raise InvalidRequest(message, pointer="/match/operation")
    return replace(match, operation=operation)
