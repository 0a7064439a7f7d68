"""All operations, and lookups by path for the server."""

from accounts_bank.api import (
    account_operations,
    approval_operations,
    audit_operations,
    auth_operations,
    bank_operations,
    cash_operations,
    clock_operations,
    event_operations,
    fault_operations,
    hold_operations,
    key_operations,
    people_operations,
    schedule_operations,
    snapshot_operations,
    transfer_operations,
    user_operations,
)
from accounts_bank.api.operations import Operation
from accounts_bank.config import Settings
from accounts_bank.http.hosts import API_PREFIX
from accounts_bank.http.messages import BODY_MAX_BYTES, FORM_BODY_MAX_BYTES

OPERATIONS: tuple[Operation, ...] = tuple(
    operation
    for module in (
        user_operations,
        auth_operations,
        account_operations,
        cash_operations,
        transfer_operations,
        hold_operations,
        schedule_operations,
        approval_operations,
        key_operations,
        event_operations,
        audit_operations,
    )
    for operation in module.operations
)

SANDBOX_OPERATIONS: tuple[Operation, ...] = tuple(
    operation
    for module in (
        bank_operations,
        people_operations,
        clock_operations,
        fault_operations,
        snapshot_operations,
    )
    for operation in module.operations
)
"""They exist only with the setting SANDBOX."""

FIXED = {
    (operation.method, operation.path): operation
    for operation in OPERATIONS
    if "<" not in operation.path
}
"""Operations whose path has no variable part, by method and path.

Operations that hash a password, pay in the fast way or take a long body are all among them.
"""

FAST_PAYMENT_PATHS = frozenset(each.path for each in OPERATIONS if each.is_fast_payment)

WAITING_PATHS = frozenset(each.path for each in OPERATIONS if each.may_wait_long)
"""Paths of requests that may wait for something to happen."""

_BODY_MAX_BYTES = {
    path: operation.body_max_bytes
    for (_, path), operation in FIXED.items()
    if operation.body_max_bytes != BODY_MAX_BYTES
}


def operations_of(settings: Settings) -> tuple[Operation, ...]:
    """Return the operations that a process with these settings serves."""
    return OPERATIONS + SANDBOX_OPERATIONS if settings.SANDBOX else OPERATIONS


def body_max_bytes(path: str) -> int:
    """Return the bytes of the longest body of a path. The server reads one byte more.

    A path outside the API takes a form.
    """
    default = BODY_MAX_BYTES if path.startswith(API_PREFIX) else FORM_BODY_MAX_BYTES
    return _BODY_MAX_BYTES.get(path, default)
