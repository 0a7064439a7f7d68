"""AccountCollection: permissions, ownership, accounts and money."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest

from accounts_bank.collections.client import keyed_id, raise_refusal
from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.errors import Forbidden, NotFound, Refused, Unavailable
from accounts_bank.identity import Role
from accounts_bank.ledger.actions import Deposit, OpenAccount, Transfer, Withdrawal
from accounts_bank.ledger.entries import Entry, Outcome, Recorded
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR, Period, Status
from tests.helpers import START, Teller
from tests.stores.books import EVER, at_once


def refusal(act) -> tuple[str, dict]:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.code, caught.value.extra


def test_an_account_is_opened_empty_and_for_its_owner(bank):
    account = bank.accounts.open(bank.caller("ada"), "Savings", "JPY")
    assert (account.name, account.currency, account.owner_id) == ("Savings", "JPY", "user-ada")
    assert (account.balance_minor, account.available_minor, account.status) == (0, 0, "open")
    assert bank.accounts.account(bank.caller("ada"), account.id) == account


def test_an_account_is_found_by_its_number_in_every_spelling(bank):
    bank.given(ada=0)
    ada, number = bank.opened["ada"], bank.opened["ada"].number
    spaced = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    for typed in (number, spaced, number.lower(), ada.id.upper()):
        assert bank.accounts.account(bank.caller("ada"), typed) == ada


def test_another_users_account_is_not_found(bank):
    bank.given(ada=5, bob=0)
    eve, theirs = bank.caller("eve"), bank.opened["ada"]
    for name in (theirs.id, theirs.number, "nobody", "till-eur-0", "bank"):
        for act in (
            lambda name=name: bank.accounts.account(eve, name),
            lambda name=name: bank.accounts.change(eve, name, new_name="Mine"),
            lambda name=name: bank.accounts.close(eve, name),
            lambda name=name: bank.accounts.balance_at(eve, name, None),
            lambda name=name: bank.accounts.lines(eve, name, before=None, period=EVER, limit=9),
            lambda name=name: bank.accounts.deposit(eve, Deposit(name, 1, "EUR"), None),
            lambda name=name: bank.accounts.withdraw(eve, Withdrawal(name, 1, "EUR"), None),
            lambda name=name: bank.accounts.transfer(eve, Transfer(name, "x", 1, "EUR"), None),
        ):
            with pytest.raises(NotFound):
                act()
    assert bank.balances() == {"ada": 5, "bob": 0}


@pytest.mark.parametrize("role", [Role.TELLER, Role.AUDITOR])
def test_the_staff_reads_every_account(bank, role):
    bank.given(ada=5)
    staff, ada = bank.caller("staff", role), bank.opened["ada"]
    assert bank.accounts.account(staff, ada.id).balance_minor == 5
    assert len(bank.accounts.lines(staff, ada.id, before=None, period=EVER, limit=9)) == 1
    assert bank.accounts.of(staff, after=None, limit=9) == []


def test_an_admin_sees_no_customers_account(bank):
    bank.given(ada=5)
    with pytest.raises(NotFound):
        bank.accounts.account(bank.caller("root", Role.ADMIN), bank.opened["ada"].id)


def test_a_refused_transfer_moves_nothing(bank):
    bank.given(ada=10, bob=0)
    assert bank.send("ada", "bob", 11) == "funds_insufficient"
    assert bank.balances() == {"ada": 10, "bob": 0}


def test_a_transfer_moves_its_amount(bank):
    bank.given(ada=10, bob=0)
    assert bank.send("ada", "bob", 10) == "recorded"
    assert bank.balances() == {"ada": 0, "bob": 10}


def test_a_refusal_names_the_shortfall(bank):
    bank.given(ada=10, bob=0)
    ask = Transfer(bank.opened["ada"].id, bank.opened["bob"].number, 12, "EUR")
    told = refusal(lambda: bank.accounts.transfer(bank.caller("ada"), ask, None))
    assert told == ("funds_insufficient", {"shortfall_minor": 2})


def test_a_dry_run_shows_the_outcome_and_moves_nothing(bank):
    bank.given(ada=10, bob=0)
    ask = Transfer(bank.opened["ada"].id, bank.opened["bob"].number, 4, "EUR")
    seals = bank.seals
    outcome = bank.accounts.transfer(bank.caller("ada"), ask, "key", dry_run=True)
    assert outcome.recorded.lines[0].balance_minor == 6
    assert bank.seals == seals
    assert bank.store.entry(outcome.recorded.entry.id) is None
    assert bank.balances() == {"ada": 10, "bob": 0}


def test_a_dry_run_is_refused_for_the_same_reason_and_saves_nothing(bank):
    bank.given(ada=10, bob=0)
    ask = Transfer(bank.opened["ada"].id, bank.opened["bob"].number, 11, "EUR")
    told = refusal(lambda: bank.accounts.transfer(bank.caller("ada"), ask, "k", dry_run=True))
    assert told == ("funds_insufficient", {"shortfall_minor": 1})
    bank.deposit("ada", 1)
    assert bank.send("ada", "bob", 11, key="k") == "recorded"


def test_a_dry_run_of_a_recorded_transfer_is_its_replay(bank):
    bank.given(ada=10, bob=0)
    bank.send("ada", "bob", 4, key="k")
    ask = Transfer(bank.opened["ada"].id, bank.opened["bob"].number, 4, "EUR")
    outcome = bank.accounts.transfer(bank.caller("ada"), ask, "k", dry_run=True)
    assert outcome.replayed
    assert bank.balances() == {"ada": 6, "bob": 4}


def test_one_key_pays_once(bank):
    bank.given(ada=10, bob=0)
    assert [bank.send("ada", "bob", 4, key="k") for _ in range(3)] == ["recorded"] * 3
    assert bank.send("ada", "bob", 5, key="k") == "key_reused"
    assert bank.balances() == {"ada": 6, "bob": 4}


def test_without_a_key_each_call_counts(bank):
    bank.given(ada=10, bob=0)
    assert [bank.send("ada", "bob", 3) for _ in range(2)] == ["recorded"] * 2
    assert bank.balances() == {"ada": 4, "bob": 6}


def test_one_key_of_two_callers_is_two_keys(bank):
    bank.given(ada=10, bob=10)
    assert bank.send("ada", "bob", 4, key="k") == "recorded"
    assert bank.send("bob", "ada", 9, key="k") == "recorded"


def test_a_key_belongs_to_one_action_of_a_caller(bank):
    bank.given(ada=10, bob=0)
    assert bank.send("ada", "bob", 4, key="k") == "recorded"
    assert bank.deposit("ada", 4, key="k") == "key_reused"


def test_a_keyed_id_is_a_uuid_and_belongs_to_caller_and_key():
    made = UUID(keyed_id("ada", "k"))
    assert (made.version, made.variant) == (8, RFC_4122)
    assert keyed_id("ada", "k") == keyed_id("ada", "k")
    others = [("a", "bc"), ("ab", "c"), ("abc", ""), ("a", "bd")]
    assert len({keyed_id(*each) for each in others}) == 4


def test_racing_retries_of_one_key_pay_once(bank):
    bank.given(ada=100, bob=0)
    assert set(at_once(16, lambda _: bank.send("ada", "bob", 60, key="k"))) == {"recorded"}
    assert bank.balances() == {"ada": 40, "bob": 60}


def test_customers_handle_no_cash_if_the_setting_forbids_it():
    bank = Teller(customer_cash=False)
    bank.opened["ada"] = bank.accounts.open(bank.caller("ada"), "Main", "EUR")
    ask = Deposit(bank.opened["ada"].id, 5, "EUR")
    with pytest.raises(Forbidden):
        bank.accounts.deposit(bank.caller("ada"), ask, None)
    bank.accounts.deposit(bank.caller("till", Role.TELLER), ask, None)
    assert bank.balances() == {"ada": 5}
    with pytest.raises(NotFound):
        bank.accounts.deposit(bank.caller("eve"), ask, None)


def test_a_teller_pays_in_and_out_for_anyone(bank):
    bank.given(ada=0)
    teller, account = bank.caller("till", Role.TELLER), bank.opened["ada"]
    bank.accounts.deposit(teller, Deposit(account.number, 5, "EUR"), None)
    bank.accounts.withdraw(teller, Withdrawal(account.id, 2, "EUR"), None)
    assert bank.balances() == {"ada": 3}


def test_a_teller_moves_no_customers_money_to_another_account(bank):
    bank.given(ada=5, bob=0)
    ask = Transfer(bank.opened["ada"].id, bank.opened["bob"].id, 5, "EUR")
    with pytest.raises(Forbidden):
        bank.accounts.transfer(bank.caller("till", Role.TELLER), ask, None)


def test_a_withdrawal_past_the_balance_is_refused(bank):
    bank.given(ada=5)
    ask = Withdrawal(bank.opened["ada"].id, 6, "EUR")
    told = refusal(lambda: bank.accounts.withdraw(bank.caller("ada"), ask, None))
    assert told == ("funds_insufficient", {"shortfall_minor": 1})


def test_a_balance_stays_within_the_largest_exact_amount(bank):
    bank.given(ada=AMOUNT_MAX_MINOR, bob=1)
    assert bank.deposit("ada", 1) == "limit_exceeded"
    assert bank.send("bob", "ada", 1) == "limit_exceeded"


def test_an_account_with_money_stays_open(bank):
    bank.given(ada=5)
    told = refusal(lambda: bank.accounts.close(bank.caller("ada"), bank.opened["ada"].id))
    assert told == ("balance_not_zero", {"balance_minor": 5})


def test_a_closed_account_can_only_be_read_and_closed_again(bank):
    bank.given(ada=0, bob=5)
    caller, account = bank.caller("ada"), bank.opened["ada"]
    bank.accounts.close(caller, account.number)
    bank.accounts.close(caller, account.id)
    assert bank.accounts.account(caller, account.id).status == "closed"
    assert bank.deposit("ada", 1) == bank.send("bob", "ada", 1) == "account_closed"
    assert (
        refusal(lambda: bank.accounts.change(caller, account.id, new_name="New"))[0]
        == "account_closed"
    )


def test_a_new_name_is_kept(bank):
    bank.given(ada=0)
    renamed = bank.accounts.change(
        bank.caller("ada"), bank.opened["ada"].number, new_name="Rainy days"
    )
    assert renamed.name == "Rainy days"
    assert bank.accounts.account(bank.caller("ada"), renamed.id) == renamed


def test_a_list_holds_the_callers_accounts_closed_ones_included(bank):
    bank.given(ada=0, bob=0)
    second = bank.accounts.open(bank.caller("ada"), "Second", "USD")
    bank.accounts.close(bank.caller("ada"), bank.opened["ada"].id)
    found = bank.accounts.of(bank.caller("ada"), after=None, limit=9)
    assert [(each.id, each.status) for each in found] == [
        (bank.opened["ada"].id, "closed"),
        (second.id, "open"),
    ]


def test_a_past_balance_is_the_balance_of_that_time(bank):
    bank.given(ada=0)
    caller, account, moments = bank.caller("ada"), bank.opened["ada"], []
    for amount_minor in (5, 7):
        bank.deposit("ada", amount_minor)
        moments.append(bank.clock.now)
    (first, second), instant = moments, timedelta(microseconds=1)
    for at, expected in [
        (START, 0),
        (first - instant, 0),
        (first, 5),
        (second - instant, 5),
        (second, 12),
        (datetime.max.replace(tzinfo=UTC), 12),
        (None, 12),
    ]:
        assert bank.accounts.balance_at(caller, account.id, at) == (
            bank.accounts.account(caller, account.id),
            expected,
        )


def test_only_both_sides_and_the_staff_read_an_entry(bank):
    bank.given(ada=10, bob=0)
    ask = Transfer(bank.opened["ada"].id, bank.opened["bob"].id, 4, "EUR")
    made = bank.accounts.transfer(bank.caller("ada"), ask, None).recorded.entry.id
    assert bank.accounts.entry(bank.caller("ada"), "transfer", made).own_lines == (True, False)
    assert bank.accounts.entry(bank.caller("bob"), "transfer", made).own_lines == (False, True)
    auditor = bank.caller("auditor", Role.AUDITOR)
    assert not bank.accounts.entry(auditor, "transfer", made).is_party
    for caller, kind, entry_id in [
        (bank.caller("eve"), "transfer", made),
        (bank.caller("ada"), "deposit", made),
        (bank.caller("ada"), "transfer", "nobody"),
    ]:
        with pytest.raises(NotFound):
            bank.accounts.entry(caller, kind, entry_id)


def test_a_refused_transfer_is_not_found(bank):
    bank.given(ada=10, bob=0)
    assert bank.send("ada", "bob", 11, key="k") == "funds_insufficient"
    with pytest.raises(NotFound):
        bank.accounts.entry(bank.caller("ada"), "transfer", keyed_id("user-ada", "k"))


def test_a_list_of_transfers_says_which_side_is_the_callers(bank):
    bank.given(ada=10, bob=0)
    bank.send("ada", "bob", 4)
    bank.send("bob", "ada", 1)
    sides = [
        [each.own_lines for each in bank.accounts.transfers_of(caller, before=None, limit=9)]
        for caller in (bank.caller("ada"), bank.caller("bob"))
    ]
    assert sides == [[(False, True), (True, False)], [(True, False), (False, True)]]


def test_lines_name_the_other_customers_account_and_no_till(bank):
    bank.given(ada=10, bob=0)
    bank.send("ada", "bob", 4)
    caller, account = bank.caller("ada"), bank.opened["ada"]
    lines = bank.accounts.lines(caller, account.id, before=None, period=Period(), limit=9)
    assert [(each.kind, each.amount_minor, each.counterparty) for each in lines] == [
        ("transfer", -4, bank.opened["bob"].number),
        ("deposit", 10, None),
    ]


def test_every_write_wakes_the_sealer(bank):
    bank.given(ada=10, bob=0)
    before = bank.seals
    bank.send("ada", "bob", 11)
    bank.send("ada", "bob", 1)
    bank.accounts.account(bank.caller("ada"), bank.opened["ada"].id)
    assert bank.seals == before + 2


def test_the_cache_of_owners_is_bounded(bank):
    bank.accounts._client._owners = BoundedCache(2)
    bank.given(ada=10, bob=10, cyd=10)
    names = ("ada", "bob", "cyd")
    for name in names * 3:
        ask = Deposit(bank.opened[name].id, 1, "EUR")
        assert bank.accounts.deposit(bank.caller(name), ask, None).status == "recorded"
    assert len(bank.accounts._client._owners) <= 2
    with pytest.raises(NotFound):
        bank.accounts.deposit(bank.caller("ada"), Deposit(bank.opened["bob"].id, 1, "EUR"), None)


def test_without_a_free_number_the_bank_is_unavailable():
    ask = Entry("id", "ada", START, OpenAccount("ada", "Main", "EUR"))
    with pytest.raises(Unavailable):
        raise_refusal(Outcome(Recorded(ask, Status.NUMBERS_EXHAUSTED, START)))
