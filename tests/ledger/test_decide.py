"""`decide`: each rule in a row of a table, and the invariants of every action."""

from functools import partial

import msgspec
import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    Action,
    ChangeAccount,
    CloseAccount,
    Deposit,
    Every,
    Hold,
    Leave,
    OpenAccount,
    RenameAccount,
    Schedule,
    Transfer,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Changes, Entry, Snapshot, digest_of, needs
from accounts_bank.ledger.iban import numbers_for
from accounts_bank.ledger.values import (
    AMOUNT_MAX_MINOR,
    BANK_BALANCE_MAX_MINOR,
    BANK_ID,
    Account,
    AccountStatus,
    Customer,
    Status,
)
from tests.helpers import START


def account(name: str, balance_minor: int = 0, **more) -> Account:
    known = {"number": f"N-{name}", "owner_id": f"owner-{name}", "currency": "EUR"}
    times = {"created_at": START, "moved_at": START}
    return Account(id=name, name=name, balance_minor=balance_minor, **(known | times | more))


LATER = partial(Schedule, first_at=START, every=Every.ONCE)
TILL = account("till-eur-0", owner_id=BANK_ID, floor_minor=None)


def books(*accounts: Account, customers: tuple[Customer, ...] = ()) -> Snapshot:
    by_name = {each.id: each for each in accounts} | {each.number: each for each in accounts}
    return Snapshot(by_name, {each.id: each for each in customers}, {})


def entry(action: Action, entry_id: str = "entry-1") -> Entry:
    """Make an entry for the owner of the payer's account; accounts are named after owners."""
    payer = getattr(action, "from_account", "nobody").removeprefix("N-")
    return Entry(entry_id, f"owner-{payer}", START, action)


def status_of(snapshot: Snapshot, action: Action) -> str:
    (outcome,) = decide(snapshot, [entry(action)]).outcomes
    return str(outcome.status)


ADA = account("ada", 100)
BOB = account("bob", 5)
CLOSED = account("closed", status=AccountStatus.CLOSED)
FROZEN = account("frozen", 100, status=AccountStatus.FROZEN)
DOLLAR = account("dollar", 100, currency="USD")
HELD = account("held", 100, held_minor=60)
CREDIT = account("credit", 0, floor_minor=-50)
FULL = account("full", AMOUNT_MAX_MINOR)
RICH = account("rich", AMOUNT_MAX_MINOR)
BOOKS = books(ADA, BOB, CLOSED, FROZEN, DOLLAR, HELD, CREDIT, FULL, RICH, TILL)


@pytest.mark.parametrize(
    ("payer", "payee", "amount_minor", "currency", "status"),
    [
        ("ada", "bob", 1, "EUR", "recorded"),
        ("ada", "bob", 100, "EUR", "recorded"),
        ("ada", "N-bob", 100, "EUR", "recorded"),
        ("ada", "bob", 101, "EUR", "funds_insufficient"),
        ("ada", "ada", 1, "EUR", "same_account"),
        ("ada", "N-ada", 1, "EUR", "same_account"),
        ("nobody", "nobody", 1, "EUR", "not_found"),
        ("ada", "nobody", 1, "EUR", "account_unknown"),
        ("nobody", "bob", 1, "EUR", "not_found"),
        ("ada", "till-eur-0", 1, "EUR", "account_unknown"),
        ("till-eur-0", "ada", 1, "EUR", "not_found"),
        ("ada", "closed", 1, "EUR", "account_closed"),
        ("closed", "ada", 1, "EUR", "account_closed"),
        ("frozen", "ada", 1, "EUR", "account_frozen"),
        ("ada", "frozen", 1, "EUR", "recorded"),
        ("ada", "bob", 1, "USD", "currency_mismatch"),
        ("ada", "dollar", 1, "EUR", "currency_mismatch"),
        ("held", "bob", 40, "EUR", "recorded"),
        ("held", "bob", 41, "EUR", "funds_insufficient"),
        ("credit", "bob", 50, "EUR", "recorded"),
        ("credit", "bob", 51, "EUR", "funds_insufficient"),
        ("rich", "full", 1, "EUR", "limit_exceeded"),
        ("ada", "full", 101, "EUR", "funds_insufficient"),
    ],
)
def test_the_outcome_of_a_transfer(payer, payee, amount_minor, currency, status):
    assert status_of(BOOKS, Transfer(payer, payee, amount_minor, currency)) == status


@pytest.mark.parametrize(
    ("kind", "name", "amount_minor", "currency", "status"),
    [
        (Deposit, "ada", 1, "EUR", "recorded"),
        (Deposit, "nobody", 1, "EUR", "account_unknown"),
        (Deposit, "till-eur-0", 1, "EUR", "account_unknown"),
        (Deposit, "closed", 1, "EUR", "account_closed"),
        (Deposit, "frozen", 1, "EUR", "recorded"),
        (Deposit, "ada", 1, "USD", "currency_mismatch"),
        (Deposit, "full", 1, "EUR", "limit_exceeded"),
        (Deposit, "ada", AMOUNT_MAX_MINOR - 100, "EUR", "recorded"),
        (Deposit, "ada", AMOUNT_MAX_MINOR - 99, "EUR", "limit_exceeded"),
        (Withdrawal, "ada", 100, "EUR", "recorded"),
        (Withdrawal, "ada", 101, "EUR", "funds_insufficient"),
        (Withdrawal, "nobody", 1, "EUR", "account_unknown"),
        (Withdrawal, "closed", 1, "EUR", "account_closed"),
        (Withdrawal, "frozen", 1, "EUR", "account_frozen"),
        (Withdrawal, "ada", 1, "USD", "currency_mismatch"),
        (Withdrawal, "held", 41, "EUR", "funds_insufficient"),
    ],
)
def test_the_outcome_of_a_deposit_or_a_withdrawal(kind, name, amount_minor, currency, status):
    assert status_of(BOOKS, kind(name, amount_minor, currency)) == status


@pytest.mark.parametrize(
    ("kind", "balance_minor"),
    [(Deposit, -BANK_BALANCE_MAX_MINOR), (Withdrawal, BANK_BALANCE_MAX_MINOR)],
)
def test_a_till_stays_within_a_bigint(kind, balance_minor):
    snapshot = books(ADA, replace(TILL, balance_minor=balance_minor))
    assert status_of(snapshot, kind("ada", 1, "EUR")) == "limit_exceeded"


@pytest.mark.parametrize(
    ("closing", "status"),
    [
        (account("empty"), "recorded"),
        (account("left", 1), "balance_not_zero"),
        (account("owed", -1, floor_minor=-10), "balance_not_zero"),
        (account("held", 0, held_minor=1), "holds_open"),
        (account("frozen", status=AccountStatus.FROZEN), "account_frozen"),
        (account("closed", status=AccountStatus.CLOSED), "recorded"),
    ],
)
def test_the_outcome_of_a_close(closing, status):
    assert status_of(books(closing), CloseAccount(closing.id, closing.owner_id)) == status


def test_a_close_lowers_the_customers_open_accounts_once():
    customer = Customer("owner-empty", open_accounts=2)
    close = CloseAccount("empty", "owner-empty")
    both = [entry(close, "first"), entry(close, "second")]
    changes = decide(books(account("empty"), customers=(customer,)), both)
    assert changes.accounts[0].status is AccountStatus.CLOSED
    assert [each.open_accounts for each in changes.customers] == [1]


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (CloseAccount("nobody", "x"), "account_unknown"),
        (CloseAccount("till-eur-0", "x"), "account_unknown"),
        (RenameAccount("nobody", "x"), "account_unknown"),
        (RenameAccount("till-eur-0", "x"), "account_unknown"),
        (RenameAccount("closed", "x"), "account_closed"),
        (RenameAccount("closed", "x", "wrong"), "account_closed"),
        (RenameAccount("ada", "x", "wrong"), "precondition_failed"),
        (RenameAccount("ada", "x", "ada"), "recorded"),
        (RenameAccount("ada", "x"), "recorded"),
        (ChangeAccount("nobody", {}), "account_unknown"),
        (ChangeAccount("till-eur-0", {}), "account_unknown"),
        (ChangeAccount("closed", {}), "account_closed"),
        (ChangeAccount("closed", {}, "x", {"a": "b"}), "account_closed"),
        (ChangeAccount("ada", {}, "x", expected_name="wrong"), "precondition_failed"),
        (ChangeAccount("ada", {}, expected_metadata={"a": "b"}), "precondition_failed"),
        (ChangeAccount("ada", {}, "x", {}, "ada"), "recorded"),
        (ChangeAccount("ada", {"a": "b"}), "recorded"),
    ],
)
def test_the_outcome_of_an_action_on_an_account(action, status):
    assert status_of(BOOKS, action) == status


@pytest.mark.parametrize(
    ("customer", "leave", "opens"),
    [
        (Customer("carl"), "recorded", "recorded"),
        (Customer("carl", open_accounts=1), "accounts_open", "recorded"),
        (Customer("carl", left=True), "recorded", "customer_left"),
    ],
)
def test_the_outcomes_of_leaving_and_opening(customer, leave, opens):
    snapshot = books(customers=(customer,))
    assert status_of(snapshot, Leave("carl")) == leave
    assert status_of(snapshot, OpenAccount("carl", "Main", "EUR")) == opens


def test_an_account_gets_the_first_number_that_is_free():
    first, second, *_ = numbers_for("entry-1")
    taken = books(account("other", number=first))
    (opened,) = decide(taken, [entry(OpenAccount("carl", "Main", "EUR"))]).accounts
    assert (opened.id, opened.number) == ("entry-1", second)


def test_an_account_is_refused_if_every_number_is_taken():
    taken = books(*(account(number, number=number) for number in numbers_for("entry-1")))
    assert status_of(taken, OpenAccount("carl", "Main", "EUR")) == "numbers_exhausted"


def test_a_refusal_says_the_shortfall():
    (outcome,) = decide(BOOKS, [entry(Transfer("ada", "bob", 130, "EUR"))]).outcomes
    assert outcome.recorded.details == (("shortfall_minor", 30),)


@pytest.mark.parametrize("payer", ["bob", "nobody", "till-eur-0"])
@pytest.mark.parametrize("payment", [Transfer, partial(Hold, expires_in_s=60), LATER])
def test_a_payment_from_another_customers_account_leaves_no_trace(payment, payer):
    action = payment(from_account=payer, to_account="ada", amount_minor=1, currency="EUR")
    changes = decide(BOOKS, [replace(entry(action), caller_id="owner-ada")])
    assert [str(each.status) for each in changes.outcomes] == ["not_found"]
    assert replace(changes, outcomes=[]) == Changes([], [], [], [])


def test_a_payer_without_funds_does_not_learn_the_payees_balance():
    """Only a payer with enough funds learns that the payee has no room."""
    (outcome,) = decide(BOOKS, [entry(Transfer("rich", "full", 5, "EUR"))]).outcomes
    assert outcome.recorded.details == ()


def test_a_transfer_posts_two_lines_that_sum_to_zero():
    (outcome,) = decide(BOOKS, [entry(Transfer("ada", "bob", 30, "EUR", "rent"))]).outcomes
    paid, received = outcome.recorded.lines
    assert (paid.account_id, paid.amount_minor, paid.balance_minor) == ("ada", -30, 70)
    assert (received.account_id, received.amount_minor, received.balance_minor) == ("bob", 30, 35)
    assert (paid.counterparty, received.counterparty) == ("N-bob", "N-ada")
    assert {paid.reference, received.reference} == {"rent"}
    assert {paid.kind, received.kind} == {"transfer"}
    assert {paid.number, received.number} == {1}


def test_the_first_deposit_opens_its_till():
    changes = decide(books(ADA), [entry(Deposit("ada", 30, "EUR"))])
    till, ada = sorted(changes.accounts, key=lambda each: each.balance_minor)
    assert (till.id, till.owner_id, till.balance_minor, till.floor_minor) == (
        "till-eur-0",
        BANK_ID,
        -30,
        None,
    )
    assert ada.balance_minor == 130


def test_each_process_has_a_till_of_its_own():
    asked = replace(entry(Deposit("ada", 30, "EUR")), till=7)
    assert "till-eur-7" in needs([asked]).accounts
    assert "till-eur-7" in {each.id for each in decide(books(ADA), [asked]).accounts}


@pytest.mark.parametrize("owner_id", ["owner-ada", "owner-bob"])
@pytest.mark.parametrize("payment", [Transfer, partial(Hold, expires_in_s=60)])
def test_a_payment_is_listed_once_under_each_owner(payment, owner_id):
    snapshot = books(ADA, replace(BOB, owner_id=owner_id))
    action = payment(from_account="ada", to_account="bob", amount_minor=1, currency="EUR")
    entry_refs = decide(snapshot, [entry(action)]).entry_refs
    assert [each.of_id for each in entry_refs] == sorted({"owner-ada", owner_id})


def test_an_entry_of_a_batch_sees_the_earlier_ones():
    all_of_it = [
        entry(Transfer("ada", "bob", 100, "EUR"), "1"),
        entry(Transfer("ada", "bob", 1, "EUR"), "2"),
        entry(Transfer("bob", "ada", 105, "EUR"), "3"),
    ]
    changes = decide(BOOKS, all_of_it)
    assert [str(each.status) for each in changes.outcomes] == [
        "recorded",
        "funds_insufficient",
        "recorded",
    ]
    assert {each.id: each.balance_minor for each in changes.accounts} == {"ada": 105, "bob": 0}
    assert {each.id: each.line_count for each in changes.accounts} == {"ada": 2, "bob": 2}
    assert [each.entry.id for each in changes.recorded] == ["1", "2", "3"]


def test_an_account_opened_in_a_batch_can_be_used_in_it():
    opening = entry(OpenAccount("carl", "Main", "EUR"), "new")
    changes = decide(BOOKS, [opening, entry(Transfer("ada", "new", 10, "EUR"))])
    assert [str(each.status) for each in changes.outcomes] == ["recorded", "recorded"]


def test_the_same_entry_again_is_a_replay_and_changes_nothing():
    first = decide(BOOKS, [entry(Transfer("ada", "bob", 30, "EUR"))])
    known = replace(BOOKS, entries={"entry-1": first.recorded[0]})
    again = decide(known, [entry(Transfer("ada", "bob", 30, "EUR"))])
    assert again.outcomes[0].replayed
    assert again.outcomes[0].recorded == first.recorded[0]
    assert (again.accounts, again.recorded) == ([], [])


def test_a_refusal_is_replayed_too():
    refused = decide(BOOKS, [entry(Transfer("ada", "bob", 101, "EUR"))])
    richer = books(replace(ADA, balance_minor=1000), BOB)
    known = replace(richer, entries={"entry-1": refused.recorded[0]})
    (outcome,) = decide(known, [entry(Transfer("ada", "bob", 101, "EUR"))]).outcomes
    assert (str(outcome.status), outcome.replayed) == ("funds_insufficient", True)


def test_the_same_id_with_another_action_is_refused_and_not_recorded():
    twice = [entry(Transfer("ada", "bob", 1, "EUR")), entry(Transfer("ada", "bob", 2, "EUR"))]
    changes = decide(BOOKS, twice)
    assert [str(each.status) for each in changes.outcomes] == ["recorded", "key_reused"]
    assert len(changes.recorded) == 1


def test_time_never_goes_back_on_an_account():
    later = START.replace(year=2030)
    snapshot = books(replace(ADA, moved_at=later), BOB)
    (outcome,) = decide(snapshot, [entry(Transfer("ada", "bob", 1, "EUR"))]).outcomes
    assert outcome.recorded.at == later
    assert {line.at for line in outcome.recorded.lines} == {later}


def test_the_digest_covers_all_that_is_recorded():
    (outcome,) = decide(BOOKS, [entry(Transfer("ada", "bob", 1, "EUR", "rent"))]).outcomes
    kept = outcome.recorded
    assert kept.digest == digest_of(kept) == digest_of(replace(kept, digest=""))
    altered = [
        replace(kept, status=Status.ACCOUNT_FROZEN),
        replace(kept, at=START.replace(year=2030)),
        replace(kept, lines=kept.lines[:1]),
        replace(kept, details=(("shortfall_minor", 1),)),
        *(
            replace(kept, entry=replace(kept.entry, **{name: value}))
            for name, value in {"id": "x", "caller_id": "x", "till": 3, "at": kept.at}.items()
            if getattr(kept.entry, name) != value
        ),
        replace(kept, entry=replace(kept.entry, action=Transfer("ada", "bob", 2, "EUR", "rent"))),
    ]
    assert kept.digest not in {digest_of(each) for each in altered}


def test_every_recorded_action_survives_json():
    for action in (
        OpenAccount("o", "n", "EUR"),
        RenameAccount("ada", "n"),
        CloseAccount("ada", "owner-ada"),
        Leave("o"),
        Deposit("ada", 1, "EUR"),
        Withdrawal("ada", 1, "EUR"),
        Transfer("ada", "bob", 1, "EUR"),
    ):
        (recorded,) = decide(BOOKS, [entry(action)]).recorded
        text = msgspec.json.encode(recorded)
        assert msgspec.json.decode(text, type=type(recorded)) == recorded
