"""The demo's year on every store: all of it is there, and the books are right."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.users import UserCollection
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.sandbox import demo
from accounts_bank.sandbox.simulated_clock import SimulatedClock, SimulatedIds
from tests.helpers import Teller


def written(teller: Teller, until: datetime, seed: int) -> int:
    """Write the demo; say how many acts it had."""
    past, dice = SimulatedClock(until), Random(seed)  # noqa: S311 - the same for the same seed
    given: Any = {
        "clock": past,
        "new_id": SimulatedIds(past, dice),
        "on_saved": lambda _count: None,
    }
    accounts = AccountCollection(teller.store, customer_cash=False, **given)
    users = UserCollection(teller.user_store, accounts, passwords=None, session_lasts=None, **given)
    assert not demo.is_written(users)
    count = demo.write(users, accounts, past, dice, "hash")
    assert demo.is_written(users)
    return count


def test_a_year_is_written_and_right(account_store):
    count = written(Teller(account_store), datetime.now(UTC), seed=1)
    with account_store.ledger() as ledger:
        counts = prove(ledger)
    assert counts.accounts >= len(demo.ACCOUNTS)
    assert counts.entries >= count
