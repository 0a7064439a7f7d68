"""Pending payments: the common part of holds and schedules."""

from collections.abc import Sequence

from msgspec import Struct

from accounts_bank.ledger.actions import Hold, Schedule
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.values import Account, Stage
from accounts_bank.stores.base import AccountStore


class PendingPayment(Struct, frozen=True, kw_only=True):
    """A recorded hold or schedule, its two accounts and its stage."""

    recorded: Recorded
    payer: Account
    payee: Account
    stage: Stage = Stage.OPEN
    replayed: bool = False

    @property
    def id(self) -> str:
        """The id of the entry that created it."""
        return self.recorded.entry.id


def load(store: AccountStore, payments: Sequence[Recorded]) -> Snapshot:
    """Read the accounts and the progress of pending payments."""
    actions = [_action(each) for each in payments]
    account_ids = {name for each in actions for name in (each.from_account, each.to_account)}
    ids = {each.entry.id for each in payments}
    return store.load(Needs(accounts=frozenset(account_ids), progress=frozenset(ids)))


def payer_and_payee(recorded: Recorded, loaded: Snapshot) -> tuple[Account, Account]:
    """Return the payer's account and the payee's."""
    action = _action(recorded)
    return loaded.accounts[action.from_account], loaded.accounts[action.to_account]


def _action(recorded: Recorded) -> Hold | Schedule:
    assert isinstance(recorded.entry.action, Hold | Schedule)  # noqa: S101 - tells the type checker
    return recorded.entry.action
