"""Changes of an account by its owner: another name, other metadata, or both."""

from collections.abc import Callable

from msgspec import UNSET

from accounts_bank.collections.client import LedgerClient
from accounts_bank.errors import PreconditionFailed
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import ChangeAccount, RenameAccount
from accounts_bank.ledger.values import Account, Metadata

Expected = Callable[[Account], bool]
"""Returns whether an account is still in the state that the caller knows."""


def change(  # noqa: PLR0913, PLR0917 - the parts of a change
    client: LedgerClient,
    caller: Caller,
    name: str,
    is_expected: Expected | None,
    new_name: str | None,
    metadata: Metadata | None,
) -> Account:
    """Change one of the caller's accounts, and return it.

    The ledger compares the old values again in its transaction. One of two racing calls wins.

    :param is_expected: returns whether the account is in the state that the caller knows; None
        accepts every state.
    :param new_name: None keeps the name.
    :param metadata: all pairs after the change; None keeps them.
    :raises NotFound: the account does not exist, or the caller may not read it.
    :raises Forbidden: the caller may read the account and does not own it.
    :raises PreconditionFailed: `is_expected` returned False.
    :raises Refused: `account_closed`, or `precondition_failed` if another call was faster.
    """
    account = client.customer_account(client.own_account_id(caller, name))
    compares = is_expected is not None
    if is_expected is not None and not is_expected(account):
        raise PreconditionFailed
    client.submit(caller, _action(account, new_name, metadata, compares=compares))
    return client.customer_account(account.id)


def _action(
    account: Account, new_name: str | None, metadata: Metadata | None, *, compares: bool
) -> ChangeAccount | RenameAccount:
    """Return the action that makes a change.

    :param compares: whether the ledger refuses it if one of the old values differs by then.
    """
    old_name = account.name if compares and new_name is not None else None
    if metadata is None:
        return RenameAccount(account.id, new_name or account.name, old_name)
    old = (account.metadata or {}) if compares else UNSET
    return ChangeAccount(account.id, metadata, new_name, old, old_name)
