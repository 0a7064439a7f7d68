"""Books: a name that no action asked for is unknown, never absent."""

import pytest

from accounts_bank.ledger.actions import (
    Bulk,
    BulkMode,
    CloseAccount,
    Deposit,
    Hold,
    OpenAccount,
    Reversal,
    Transfer,
)
from accounts_bank.ledger.books import Books, NotAskedFor
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Needs, Snapshot
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Account, Customer, Progress, Status
from accounts_bank.ledger.verdicts import Effect
from tests.helpers import START

READS = {
    "accounts": Books.account,
    "customers": Books.customer,
    "entries": Books.entry,
    "progress": Books.progress,
}


def opened(**asked: frozenset[str]) -> Books:
    return Books(Snapshot(), lambda: Needs(**asked))


def account(name: str, number: str) -> Account:
    return Account(
        id=name,
        number=number,
        owner_id=f"owner-{name}",
        name=name,
        currency="EUR",
        created_at=START,
        moved_at=START,
        balance_minor=100,
    )


ADA, BOB = account("ada", "N-ada"), account("bob", "N-bob")
BOTH = Snapshot({"ada": ADA, "bob": BOB})


@pytest.mark.parametrize("shelf", READS)
def test_a_name_that_was_asked_for_and_does_not_exist_is_absent(shelf):
    found = READS[shelf](opened(**{shelf: frozenset({"a"})}), "a")
    assert found == (Customer("a") if shelf == "customers" else None)


@pytest.mark.parametrize("shelf", READS)
def test_a_name_that_was_not_asked_for_raises(shelf):
    others = {other: frozenset({"a"}) for other in READS if other != shelf}
    with pytest.raises(NotAskedFor, match=f"touches {shelf} a"):
        READS[shelf](opened(**others), "a")


def test_an_account_is_found_by_the_name_that_was_asked_for():
    books = Books(Snapshot({"N-ada": ADA}), lambda: Needs(accounts=frozenset({"N-ada"})))
    assert books.account("N-ada") == ADA
    with pytest.raises(NotAskedFor):
        books.account("ada")


FORGOTTEN = [  # an action, and a declaration that forgets a name
    (Deposit("ada", 5, "EUR"), Touches(accounts=("account",))),
    (Transfer("ada", "bob", 5, "EUR"), Touches(accounts=("from_account",))),
    (Transfer("ada", "bob", 5, "EUR", schedule_id="s"), Touches(("from_account", "to_account"))),
    (OpenAccount("ada", "Main", "EUR"), Touches(customers=("owner_id",))),
    (OpenAccount("ada", "Main", "EUR"), Touches(more_accounts=Deposit.touches.more_accounts)),
    (CloseAccount("ada", "owner-ada"), Touches(accounts=("account",))),
    (Hold("ada", "bob", 5, "EUR", 60), Touches(accounts=("to_account",))),
    (Reversal("t", "ada", "bob"), Touches(accounts=("from_account", "to_account"))),
]
SHELVES = ("accounts", "customers", "earlier_entries")


def names(touches: Touches, action: object, shelf: str) -> set[str]:
    return {getattr(action, field) for field in getattr(touches, shelf)} - {None}


@pytest.mark.parametrize(("action", "touches"), FORGOTTEN)
def test_an_action_that_forgets_to_declare_a_name_raises(monkeypatch, action, touches):
    def forgetful_needs(entries):
        (entry,) = entries
        more = touches.more_accounts(action, entry) if touches.more_accounts else ()
        accounts, customers, earlier = (
            frozenset(names(touches, action, shelf)) for shelf in SHELVES
        )
        return Needs(accounts | {*more}, customers, earlier | {entry.id}, earlier)

    entry = Entry("entry-1", "owner-ada", START, action)
    monkeypatch.setattr("accounts_bank.ledger.decide.needs", forgetful_needs)
    wanted = forgetful_needs([entry])
    known = {name: each for name, each in BOTH.accounts.items() if name in wanted.accounts}
    with pytest.raises(NotAskedFor):
        decide(Snapshot(known), [entry])


def test_a_part_of_an_atomic_bulk_raises_too(monkeypatch):
    monkeypatch.setattr("accounts_bank.ledger.decide.needs", lambda _: Needs())
    bulk = Entry("b", "owner-ada", START, Bulk(BulkMode.ATOMIC, 1, "d"))
    part = Entry("b/0", "owner-ada", START, Transfer("ada", "carl", 1, "EUR", bulk_id="b"))
    with pytest.raises(NotAskedFor):
        decide(BOTH, [bulk, part])


def test_an_account_that_was_not_asked_for_is_not_created(monkeypatch):
    """A rule that makes up an account instead of reading it would overwrite one that exists."""
    made_up = account("till-eur-0", "till-eur-0")
    monkeypatch.setattr("accounts_bank.ledger.actions.deposit.till", lambda *_: made_up)
    monkeypatch.setattr("accounts_bank.ledger.decide.needs", lambda _: Needs(frozenset({"ada"})))
    with pytest.raises(NotAskedFor, match="touches account till-eur-0"):
        decide(BOTH, [Entry("entry-1", "caller", START, Deposit("ada", 5, "EUR"))])


@pytest.mark.parametrize(
    "effect",
    [
        Effect(customer=Customer("owner-bob", 1)),
        Effect(progress=Progress(entry_id="hold", kind="hold", account_id="ada", amount_minor=1)),
    ],
)
def test_a_value_that_was_not_asked_for_is_not_overwritten(monkeypatch, effect):
    monkeypatch.setattr(Deposit, "decide", lambda *_: effect)
    with pytest.raises(NotAskedFor, match=r"touches (customers owner-bob|progress hold)"):
        decide(BOTH, [Entry("entry-1", "caller", START, Deposit("ada", 5, "EUR"))])


def test_a_till_is_opened_at_its_first_use():
    changes = decide(BOTH, [Entry("entry-1", "caller", START, Deposit("ada", 5, "EUR"))])
    assert [each.status for each in changes.outcomes] == [Status.RECORDED]
    assert {each.id: each.balance_minor for each in changes.accounts} == {
        "ada": 105,
        "till-eur-0": -5,
    }
