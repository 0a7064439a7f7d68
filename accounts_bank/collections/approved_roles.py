"""Roles of users: an admin changes one, or asks a second admin to approve it."""

from msgspec.structs import replace

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.approvals import ApprovalDetails
from accounts_bank.collections.users import UserCollection
from accounts_bank.identity import Caller, Role, User
from accounts_bank.ledger.actions import SetRole


def change_role(
    users: UserCollection, accounts: AccountCollection, caller: Caller, user_id: str, role: Role
) -> User:
    """Give a user another role. To give the present role changes nothing.

    :raises AwaitsApproval: a second admin must approve it.
    :raises NotFound: there is no such user.
    :raises LastAdmin: no other user may change roles.
    """
    user = users.read(user_id)
    if user != replace(user, role=role):
        users.keep_an_admin(user, role)
        accounts.approvals.ask_if_needed(caller, SetRole(user.id, role))
    return users.change_role(caller, user.id, role)


def grant(
    users: UserCollection,
    accounts: AccountCollection,
    caller: Caller,
    approval_id: str,
    key: str | None,
) -> ApprovalDetails:
    """Grant a request for approval, and change the role of a user if that was asked for.

    A repeated key changes the role again, so that a retry completes a grant that was interrupted.
    Beside the errors of `Approvals.grant` it raises those of `change_role`; the request then waits
    on.
    """
    action = accounts.approvals.read(caller, approval_id).ask.action
    if isinstance(action, SetRole):
        users.keep_an_admin(users.read(action.user_id), Role(action.role))
    granted = accounts.approvals.grant(caller, approval_id, key)
    if isinstance(action, SetRole):
        users.change_role(caller, action.user_id, Role(action.role))
    return granted
