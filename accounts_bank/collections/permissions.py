"""Permissions: the rights of each role.

The table is an allow-list. A role without a row, or a permission that no row names, allows nothing.
No other module compares roles; `tests/gates/test_permissions.py` checks this.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from accounts_bank.identity import KeyRole, Role


class Permission(StrEnum):
    """One thing that a role may do."""

    MANAGE_SELF = "manage_self"
    """Read, change and delete the own user; sign out."""

    READ_OWN = "read_own"
    """Read the own accounts and their entries."""

    TRANSACT = "transact"
    """Open, rename and close own accounts; move money from them."""

    OWN_CASH = "own_cash"
    """Pay cash into and out of the own accounts, where the bank permits it."""

    READ_ALL_ACCOUNTS = "read_all_accounts"
    """Read every customer's accounts and their entries."""

    CASH_FOR_ANYONE = "cash_for_anyone"
    """Pay cash into and out of every customer's accounts."""

    MANAGE_ACCOUNTS = "manage_accounts"
    """Freeze and unfreeze accounts; set their limits."""

    REVERSE_ANY = "reverse_any"
    """Reverse a transfer to an account of another user."""

    CAPTURE_ANY = "capture_any"
    """Capture or void a hold in favour of another user."""

    READ_USERS = "read_users"
    """Read any user by id or username."""

    LIST_USERS = "list_users"
    """Page through all users."""

    CHANGE_ROLES = "change_roles"
    """Give users other roles. One user with this permission always remains."""

    READ_APPROVALS = "read_approvals"
    """Read the actions of staff that wait for a second person."""

    DECIDE_APPROVALS = "decide_approvals"
    """Grant or refuse what another member of staff asked for."""

    READ_ALL_EVENTS = "read_all_events"
    """Read the events of all customers."""

    READ_AUDIT = "read_audit"
    """Read the audit log."""

    PROVE = "prove"
    """Prove the books and the audit log."""

    CONTROL_SANDBOX = "control_sandbox"
    """Make sandbox banks, move the clock, restore snapshots."""


_OWN = frozenset({Permission.MANAGE_SELF, Permission.READ_OWN})

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.CUSTOMER: _OWN | {Permission.TRANSACT, Permission.OWN_CASH},
        Role.TELLER: _OWN
        | {
            Permission.TRANSACT,
            Permission.READ_ALL_ACCOUNTS,
            Permission.CASH_FOR_ANYONE,
            Permission.MANAGE_ACCOUNTS,
            Permission.REVERSE_ANY,
            Permission.CAPTURE_ANY,
            Permission.READ_USERS,
            Permission.READ_APPROVALS,
            Permission.DECIDE_APPROVALS,
        },
        Role.AUDITOR: _OWN
        | {
            Permission.READ_ALL_ACCOUNTS,
            Permission.READ_USERS,
            Permission.LIST_USERS,
            Permission.READ_APPROVALS,
            Permission.READ_ALL_EVENTS,
            Permission.READ_AUDIT,
            Permission.PROVE,
        },
        Role.ADMIN: _OWN
        | {
            Permission.TRANSACT,
            Permission.OWN_CASH,
            Permission.READ_USERS,
            Permission.LIST_USERS,
            Permission.CHANGE_ROLES,
            Permission.READ_APPROVALS,
            Permission.DECIDE_APPROVALS,
            Permission.CONTROL_SANDBOX,
        },
    }
)


KEY_PERMISSIONS = frozenset({Permission.READ_OWN, Permission.TRANSACT, Permission.OWN_CASH})
"""The permissions that a key takes over from its owner. It serves no other user."""


def may(role: Role | KeyRole, permission: Permission) -> bool:
    """Return whether a role has a permission. A role without a row has none."""
    if isinstance(role, KeyRole):
        return permission in KEY_PERMISSIONS and may(role.owner, permission)
    return permission in PERMISSIONS.get(role, frozenset())
