"""Credit limits, daily limits, and accounts that are frozen."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    CloseAccount,
    Deposit,
    FreezeAccount,
    Hold,
    RenameAccount,
    SetCreditLimit,
    SetDailyLimit,
    Transfer,
    UnfreezeAccount,
    Void,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Snapshot
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR, Account, AccountStatus
from tests.helpers import START
from tests.ledger.bank import Bank

DAY = timedelta(days=1)
EVENING = START + DAY - timedelta(microseconds=1)
MIDNIGHT = START + DAY


@pytest.fixture
def bank():
    return Bank(ada=100, bob=0)


@pytest.mark.parametrize("kind", [FreezeAccount, UnfreezeAccount])
@pytest.mark.parametrize(("name", "status"), [("nobody", "account_unknown"), ("bob", "recorded")])
def test_the_outcome_of_freezing_and_unfreezing(bank, kind, name, status):
    assert bank.say(kind(bank.opened.get(name, name))) == status
    assert bank.say(kind("till-eur-0")) == "account_unknown"


@pytest.mark.parametrize(
    "action",
    [
        FreezeAccount("closed"),
        UnfreezeAccount("closed"),
        SetCreditLimit("closed", 1),
        SetDailyLimit("closed", 1),
    ],
)
def test_a_closed_account_does_not_change(bank, action):
    bank.say(CloseAccount(bank.opened["bob"], "owner-bob"))
    assert bank.say(replace(action, account=bank.opened["bob"])) == "account_closed"
    assert bank.account("bob").status is AccountStatus.CLOSED


@pytest.mark.parametrize("action", [SetCreditLimit("x", 1), SetDailyLimit("x", 1)])
@pytest.mark.parametrize("name", ["nobody", "till-eur-0"])
def test_the_banks_own_accounts_have_no_limit(bank, action, name):
    assert bank.say(replace(action, account=name)) == "account_unknown"


def test_a_frozen_account_receives_money_and_pays_none(bank):
    ada, bob = bank.opened["ada"], bank.opened["bob"]
    for _ in range(2):  # to freeze it again changes nothing
        assert bank.say(FreezeAccount(ada)) == "recorded"
        assert bank.account("ada").status is AccountStatus.FROZEN
    assert bank.say(Withdrawal(ada, 1, "EUR")) == "account_frozen"
    assert bank.say(bank.transfer("ada", "bob", 1)) == "account_frozen"
    assert bank.say(Deposit(ada, 1, "EUR")) == "recorded"
    bank.say(Deposit(bob, 1, "EUR"))
    assert bank.say(bank.transfer("bob", "ada", 1)) == "recorded"
    assert bank.say(RenameAccount(ada, "Cold")) == "recorded"
    for _ in range(2):
        assert bank.say(UnfreezeAccount(ada)) == "recorded"
        assert bank.account("ada").status is AccountStatus.OPEN
    assert bank.say(bank.transfer("ada", "bob", 1)) == "recorded"


def test_a_credit_limit_is_a_negative_floor(bank):
    assert bank.say(SetCreditLimit(bank.opened["ada"], 50)) == "recorded"
    assert (bank.account("ada").floor_minor, bank.account("ada").available_minor) == (-50, 150)
    assert bank.say(bank.transfer("ada", "bob", 151)) == "funds_insufficient"
    assert bank.say(bank.transfer("ada", "bob", 150)) == "recorded"


def test_a_credit_limit_in_use_cannot_be_lifted(bank):
    bank.say(SetCreditLimit(bank.opened["ada"], 50))
    bank.say(bank.transfer("ada", "bob", 120))
    outcome = bank.ask(SetCreditLimit(bank.opened["ada"], 19))
    assert (outcome.status, outcome.recorded.details) == (
        "funds_insufficient",
        (("shortfall_minor", 1),),
    )
    assert bank.say(SetCreditLimit(bank.opened["ada"], 20)) == "recorded"


def test_the_available_amount_stays_exact(bank):
    ada = bank.opened["ada"]
    assert bank.say(SetCreditLimit(ada, AMOUNT_MAX_MINOR - 99)) == "limit_exceeded"
    assert bank.say(SetCreditLimit(ada, AMOUNT_MAX_MINOR - 100)) == "recorded"
    assert bank.account("ada").available_minor == AMOUNT_MAX_MINOR
    assert bank.say(Deposit(ada, 1, "EUR")) == "limit_exceeded"


PAYMENTS = ("transfer", "withdrawal", "hold")


def payment(bank, name, amount_minor):
    if name == "withdrawal":
        return Withdrawal(bank.opened["ada"], amount_minor, "EUR")
    make = bank.transfer if name == "transfer" else bank.hold
    return make("ada", "bob", amount_minor)


@pytest.mark.parametrize("name", PAYMENTS)
@pytest.mark.parametrize("then", PAYMENTS)
def test_payments_and_holds_count_against_the_daily_limit(bank, name, then):
    bank.say(SetDailyLimit(bank.opened["ada"], 50))
    assert bank.say(payment(bank, name, 30)) == "recorded"
    outcome = bank.ask(payment(bank, then, 21), at=EVENING)
    assert (outcome.status, outcome.recorded.details) == ("limit_exceeded", (("left_minor", 20),))
    assert bank.say(payment(bank, then, 20), at=EVENING) == "recorded"
    assert bank.ask(payment(bank, then, 1), at=EVENING).recorded.details == (("left_minor", 0),)


@pytest.mark.parametrize("name", PAYMENTS)
def test_a_new_day_begins_at_midnight(bank, name):
    bank.say(SetDailyLimit(bank.opened["ada"], 30))
    assert bank.say(payment(bank, name, 30), at=EVENING) == "recorded"
    assert bank.say(payment(bank, name, 1), at=EVENING) == "limit_exceeded"
    assert bank.say(payment(bank, name, 30), at=MIDNIGHT) == "recorded"
    assert bank.account("ada").spent_day == 20_455  # 2026-01-02, in days since 1970
    assert bank.account("ada").spent_minor == 30


@pytest.mark.parametrize("name", PAYMENTS)
def test_a_day_that_comes_back_gives_no_second_limit(bank, name):
    """The clocks of two processes may differ, at midnight too."""
    bank.say(SetDailyLimit(bank.opened["ada"], 30))
    assert bank.say(payment(bank, name, 20), at=MIDNIGHT) == "recorded"
    assert bank.say(payment(bank, name, 11), at=EVENING) == "limit_exceeded"
    assert bank.say(payment(bank, name, 10), at=EVENING) == "recorded"
    assert bank.say(payment(bank, name, 1), at=MIDNIGHT) == "limit_exceeded"


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_payment_counts_on_the_day_of_its_line(bank, name):
    bank.say(SetDailyLimit(bank.opened["ada"], 30))
    bank.say(Deposit(bank.opened[name], 1, "EUR"), at=MIDNIGHT)
    bank.say(bank.transfer("ada", "bob", 20), at=EVENING)
    assert bank.lines("ada")[-1].at == MIDNIGHT
    assert bank.say(bank.transfer("ada", "bob", 11), at=MIDNIGHT) == "limit_exceeded"


def test_a_capture_counts_on_the_day_of_its_hold_and_a_void_gives_nothing_back(bank):
    bank.say(SetDailyLimit(bank.opened["ada"], 30))
    hold = bank.hold("ada", "bob", 20, expires_in_s=100_000)
    for entry_id in ("one", "two"):
        bank.say(replace(hold, amount_minor=15), entry_id=entry_id)
    bank.say(Void("two", hold.from_account))
    assert bank.say(bank.transfer("ada", "bob", 1)) == "limit_exceeded"
    assert bank.say(bank.capture(hold, "one"), at=MIDNIGHT) == "recorded"
    assert bank.say(bank.transfer("ada", "bob", 30), at=MIDNIGHT) == "recorded"


def test_incoming_money_and_reversals_do_not_count(bank):
    bank.say(SetDailyLimit(bank.opened["bob"], 1))
    sent = bank.transfer("ada", "bob", 30)
    bank.say(sent, entry_id="sent")
    assert bank.say(bank.back(sent, "sent", None)) == "recorded"
    assert bank.account("bob").spent_minor == 0


def test_payments_before_the_first_limit_do_not_count(bank):
    ada = bank.opened["ada"]
    bank.say(bank.transfer("ada", "bob", 40))
    bank.say(SetDailyLimit(ada, 10))
    assert bank.say(bank.transfer("ada", "bob", 10)) == "recorded"
    assert bank.ask(bank.transfer("ada", "bob", 1)).recorded.details == (("left_minor", 0),)
    bank.say(SetDailyLimit(ada, 5))
    assert bank.ask(bank.transfer("ada", "bob", 1)).recorded.details == (("left_minor", 0),)
    bank.say(SetDailyLimit(ada, None))
    assert bank.say(bank.transfer("ada", "bob", 50)) == "recorded"


def test_a_limit_of_zero_permits_no_payment(bank):
    bank.say(SetDailyLimit(bank.opened["ada"], 0))
    assert bank.say(bank.transfer("ada", "bob", 1)) == "limit_exceeded"


def test_missing_funds_come_before_the_daily_limit(bank):
    bank.say(SetDailyLimit(bank.opened["ada"], 10))
    assert bank.say(bank.transfer("ada", "bob", 101)) == "funds_insufficient"


ORDER = [  # one thing after another is put right, and the next one is told
    ("account_closed", {"status": AccountStatus.CLOSED, "currency": "USD"}),
    ("account_frozen", {"status": AccountStatus.FROZEN, "currency": "USD"}),
    ("currency_mismatch", {"currency": "USD", "balance_minor": 0}),
    ("funds_insufficient", {"balance_minor": 0, "daily_limit_minor": 0}),
    ("limit_exceeded", {"daily_limit_minor": 0}),
    ("recorded", {}),
]


@pytest.mark.parametrize(("status", "wrong"), ORDER)
@pytest.mark.parametrize("kind", [Transfer, Hold])
def test_the_first_broken_rule_is_the_status(status, wrong, kind):
    fine = Account(
        id="ada",
        number="N",
        owner_id="o",
        name="n",
        currency="EUR",
        created_at=START,
        moved_at=START,
        balance_minor=100,
    )
    payer, payee = replace(fine, **wrong), replace(fine, id="bob")
    more = () if kind is Transfer else (60,)
    action = kind("ada", "bob", 1, "EUR", *more)
    changes = decide(Snapshot({"ada": payer, "bob": payee}), [Entry("e", "o", START, action)])
    assert changes.outcomes[0].status == status
