"""A bank of rules alone: the books in memory, and short names for common actions."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    Action,
    Bulk,
    BulkMode,
    Capture,
    Every,
    Hold,
    Reversal,
    Schedule,
    Transfer,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Needs, Outcome
from accounts_bank.ledger.integrity.proof import Counts, prove
from accounts_bank.ledger.values import Account, Progress
from accounts_bank.stores.memory import InMemoryAccountStore
from tests.helpers import START
from tests.stores.books import Books


class Bank(Books):
    """Accounts have short names, and entries have the ids that a test gives them."""

    def __init__(self, **balances_minor: int) -> None:
        super().__init__(InMemoryAccountStore(decide))
        self.given(**balances_minor)

    def say(self, action: Action, *, entry_id: str = "", at: datetime | None = None) -> str:
        """Make an entry at START or at another time, and return its status."""
        return str(self.ask(action, entry_id=entry_id, at=at or START).status)

    def account(self, name: str) -> Account:
        return self.store.account(self.opened[name])

    def figures(self, name: str) -> tuple[int, int]:
        """Return the balance and the held amount in minor units."""
        account = self.account(name)
        return account.balance_minor, account.held_minor

    def hold(self, payer: str, payee: str, amount_minor: int, expires_in_s: int = 60) -> Hold:
        named = self.opened[payer], self.opened[payee]
        return Hold(*named, amount_minor, "EUR", expires_in_s)

    def capture(self, hold: Hold, hold_id: str, amount_minor: int | None = None) -> Capture:
        return Capture(hold_id, hold.from_account, hold.to_account, amount_minor)

    def schedule(self, payer: str, payee: str, amount_minor: int, **more: Any) -> Schedule:
        named = self.opened[payer], self.opened[payee]
        known: dict[str, Any] = {"first_at": START, "every": Every.DAY} | more
        return Schedule(*named, amount_minor, "EUR", **known)

    def back(self, transfer: Transfer, transfer_id: str, amount_minor: int | None) -> Reversal:
        return Reversal(transfer_id, transfer.to_account, transfer.from_account, amount_minor)

    def progress(self, entry_id: str) -> Progress | None:
        found = self.store.load(Needs(progress=frozenset((entry_id,)))).progress
        return found.get(entry_id)

    def bulk(
        self, bulk_id: str, mode: BulkMode, *transfers: Transfer, digest: str = "d"
    ) -> list[Outcome]:
        return self.store.append(self.bulk_of(bulk_id, mode, *transfers, digest=digest))

    def bulk_of(
        self, bulk_id: str, mode: BulkMode, *transfers: Transfer, digest: str = "d"
    ) -> list[Entry]:
        """Return the entry of a bulk, and one entry for each transfer, made by its payer."""
        head = Entry(bulk_id, "caller", START, Bulk(mode, len(transfers), digest))
        parts = [
            Entry(f"{bulk_id}/{n}", self.caller(each), START, replace(each, bulk_id=bulk_id))
            for n, each in enumerate(transfers)
        ]
        return [head, *parts]

    def proven(self) -> Counts:
        with self.store.ledger() as ledger:
            return prove(ledger)
