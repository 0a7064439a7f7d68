"""The contract of every account store: append and load."""

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    CloseAccount,
    Deposit,
    Leave,
    OpenAccount,
    RenameAccount,
    Transfer,
    Withdrawal,
)
from accounts_bank.ledger.budgets import KeyUse
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Needs, digest_of
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR, AccountStatus, Customer, Status
from tests.stores.books import Books
from tests.stores.journals import journal_of, sealed


@pytest.fixture
def books(account_store):
    return Books(account_store)


def test_nothing_asked_is_nothing_answered(account_store):
    assert account_store.append([]) == []


def test_an_open_account_is_found_by_id_and_by_number(books):
    account = books.open("ada")
    found = books.store.load(Needs(accounts=frozenset((account.id, account.number, "nobody"))))
    assert found.accounts == {account.id: account, account.number: account}
    assert (account.owner_id, account.balance_minor, account.status) == ("ada", 0, "open")


def test_the_customer_is_counted(books):
    account = books.open("ada")
    books.open("ada")
    books.ask(CloseAccount(account.id, "ada"))
    found = books.store.load(Needs(customers=frozenset(("ada", "nobody")))).customers
    assert found == {"ada": Customer("ada", open_accounts=1)}


def test_each_entry_of_a_batch_has_its_own_outcome_in_order(books):
    books.given(ada=10, bob=0)
    batch = [books.transfer("ada", "bob", 4), books.transfer("ada", "bob", 7)]
    batch += [books.transfer("bob", "ada", 4), books.transfer("bob", "bob", 1)]
    outcomes = books.store.append([books.entry(each) for each in batch])
    assert [each.status for each in outcomes] == [
        Status.RECORDED,
        Status.FUNDS_INSUFFICIENT,
        Status.RECORDED,
        Status.SAME_ACCOUNT,
    ]
    assert [each.recorded.entry.action for each in outcomes] == batch
    assert books.balances() == {"ada": 10, "bob": 0}


def test_an_entry_sees_the_effects_of_earlier_entries_in_its_batch(books):
    opening = books.entry(OpenAccount("ada", "Main", "EUR"))
    batch = [opening, books.entry(Deposit(opening.id, 5, "EUR"))]
    batch += [books.entry(Withdrawal(opening.id, 5, "EUR"))]
    assert [each.status for each in books.store.append(batch)] == [Status.RECORDED] * 3
    assert books.store.account(opening.id).line_count == 2


def test_a_retry_gets_the_first_outcome_and_moves_nothing(books):
    books.given(ada=10, bob=0)
    first = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    again = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    assert (first.replayed, again.replayed) == (False, True)
    assert again.recorded == first.recorded
    assert books.balances() == {"ada": 6, "bob": 4}


def test_a_retry_within_one_batch_is_a_retry(books):
    books.given(ada=10, bob=0)
    entry = books.entry(books.transfer("ada", "bob", 4), entry_id="one")
    outcomes = books.store.append([entry, entry])
    assert [each.replayed for each in outcomes] == [False, True]
    assert books.balances() == {"ada": 6, "bob": 4}


def test_an_id_with_another_action_is_refused_and_leaves_the_first_alone(books):
    books.given(ada=10, bob=0)
    first = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    other = books.ask(books.transfer("ada", "bob", 5), entry_id="one")
    assert other.status is Status.KEY_REUSED
    assert books.store.entry("one") == first.recorded
    assert books.balances() == {"ada": 6, "bob": 4}


def test_a_refusal_is_kept_so_a_late_retry_cannot_succeed(books):
    books.given(ada=0, bob=0)
    assert books.send("ada", "bob", 4, entry_id="one") == "funds_insufficient"
    books.ask(Deposit(books.opened["ada"], 4, "EUR"))
    again = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    assert (again.status, again.replayed) == (Status.FUNDS_INSUFFICIENT, True)
    assert dict(again.recorded.details) == {"shortfall_minor": 4}
    assert books.balances() == {"ada": 4, "bob": 0}


def test_the_journal_keeps_an_entry_whole(books):
    books.given(ada=10, bob=0)
    action = replace(books.transfer("ada", "bob", 4), reference="Miete  März — 家賃 🏠 'x'--")
    outcome = books.ask(action)
    kept = books.store.entry(outcome.recorded.entry.id)
    assert kept == outcome.recorded
    assert kept.digest == outcome.recorded.digest == digest_of(kept)
    assert [line.reference for line in kept.lines] == [action.reference] * 2
    assert books.store.entry("nobody") is None


@pytest.mark.parametrize("reference", [None, "0", " ", "null", "a" * 140])
def test_a_reference_comes_back_as_it_was(books, reference):
    books.given(ada=0)
    books.ask(Deposit(books.opened["ada"], 1, "EUR", reference))
    assert books.lines("ada")[0].reference == reference


def test_the_budget_of_a_key_is_kept_with_the_payment(books):
    books.given(ada=100, bob=0)
    by_key = replace(books.transfer("ada", "bob", 30), key=KeyUse("k1", 50))
    assert books.ask(by_key, entry_id="one").status == "recorded"
    refused = books.ask(by_key, entry_id="two")
    assert (refused.status, refused.recorded.details) == ("limit_exceeded", (("left_minor", 20),))
    assert books.store.entry("one").entry.action == by_key
    with books.store.ledger() as ledger:
        prove(ledger)


def test_the_largest_amount_is_kept_exactly(books):
    books.given(ada=AMOUNT_MAX_MINOR, bob=1)
    assert books.send("bob", "ada", 1) == "limit_exceeded"
    assert books.send("ada", "bob", AMOUNT_MAX_MINOR) == "limit_exceeded"
    assert books.send("ada", "bob", AMOUNT_MAX_MINOR - 1) == "recorded"
    assert books.balances() == {"ada": 1, "bob": AMOUNT_MAX_MINOR}


def test_an_account_keeps_its_new_name_and_its_closing(books):
    account = books.open("ada")
    books.ask(RenameAccount(account.id, "Savings"))
    books.ask(CloseAccount(account.id, "ada"))
    found = books.store.account(account.number)
    assert (found.name, found.status) == ("Savings", AccountStatus.CLOSED)


def test_a_deleted_customer_opens_no_account(books):
    books.ask(Leave("ada"))
    assert books.ask(OpenAccount("ada", "Main", "EUR")).status is Status.CUSTOMER_LEFT
    assert books.store.accounts_of("ada", after=None, limit=10) == []


def test_a_decision_that_fails_leaves_no_trace(new_account_store):
    broken: list[bool] = []

    def fragile(snapshot, entries):
        changes = decide(snapshot, entries)
        if broken:
            raise RuntimeError("midway")
        return changes

    books = Books(new_account_store(fragile))
    books.given(ada=10, bob=0)
    broken.append(True)
    with pytest.raises(RuntimeError):
        books.send("ada", "bob", 4, entry_id="one")
    broken.clear()
    assert books.store.entry("one") is None
    assert books.balances() == {"ada": 10, "bob": 0}
    assert books.send("ada", "bob", 4, entry_id="one") == "recorded"
    assert [line.number for line in books.lines("ada")] == [1, 2]


def test_decisions_are_numbered_once_and_in_order(books):
    books.given(ada=10, bob=0)
    outcomes = [
        books.ask(books.transfer("ada", "bob", amount), entry_id=f"key-{amount}")
        for amount in (4, 99, 3)
    ]
    books.ask(books.transfer("ada", "bob", 4), entry_id=outcomes[0].recorded.entry.id)
    books.ask(books.transfer("ada", "bob", 5), entry_id=outcomes[0].recorded.entry.id)
    assert sealed(books.store)[-3:] == [each.recorded for each in outcomes]


def test_unsealed_items_come_a_few_at_a_time(books):
    books.given(ada=1, bob=2)
    journal = journal_of(books.store)
    assert journal.backlog(3)[0] == journal.seal(3) == 3
    assert journal.backlog(100)[0] == journal.seal(100) == 1


def test_an_unknown_account_is_refused(books):
    books.given(ada=10)
    ask = Transfer(books.opened["ada"], "nobody", 1, "EUR")
    assert books.ask(ask).status is Status.ACCOUNT_UNKNOWN


def test_a_till_is_no_customers_account(books):
    books.given(ada=10)
    ask = Transfer(books.opened["ada"], "till-eur-0", 1, "EUR")
    assert books.ask(ask).status is Status.ACCOUNT_UNKNOWN
    till = books.store.account("till-eur-0")
    assert (till.balance_minor, till.owner_id) == (-10, "bank")
