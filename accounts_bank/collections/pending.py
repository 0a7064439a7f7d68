"""What a hold and a schedule have in common: money promised from one account to another."""

from collections.abc import Sequence

from msgspec import Struct

from accounts_bank.ledger.actions import Hold, Schedule
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.values import Account, Stage
from accounts_bank.stores.base import AccountStore


class PendingPayment(Struct, frozen=True, kw_only=True):
    """A promise that was recorded, its two accounts, and how far it has come."""

    recorded: Recorded
    payer: Account
    payee: Account
    stage: Stage = Stage.OPEN
    replayed: bool = False

    @property
    def id(self) -> str:
        """The entry's own."""
        return self.recorded.entry.id


def load(store: AccountStore, promises: Sequence[Recorded]) -> Snapshot:
    """Read the accounts of promises and how far each has come."""
    asks = [_asked(each) for each in promises]
    names = {name for ask in asks for name in (ask.from_account, ask.to_account)}
    ids = {each.entry.id for each in promises}
    return store.load(Needs(accounts=frozenset(names), progress=frozenset(ids)))


def sides(recorded: Recorded, loaded: Snapshot) -> tuple[Account, Account]:
    """Give the payer's account and the payee's."""
    ask = _asked(recorded)
    return loaded.accounts[ask.from_account], loaded.accounts[ask.to_account]


def _asked(recorded: Recorded) -> Hold | Schedule:
    assert isinstance(recorded.entry.action, Hold | Schedule)  # noqa: S101 - tells the type checker
    return recorded.entry.action
