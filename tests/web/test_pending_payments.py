"""Pages of holds, schedules, reversals and limits."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts_bank.collections.due_work import DueWork
from tests.helpers import TELLER
from tests.web.visitor import Visitor


@pytest.fixture
def accounts(ada, bob) -> tuple[str, str]:
    """Ada's account with 100.00 and Bob's empty account."""
    return ada.opened("Ada's", balance="100"), bob.opened("Bob's")


@pytest.fixture
def teller(app) -> Visitor:
    return Visitor(app).signed_in(TELLER)


def held(ada, bob, accounts, **more: str) -> str:
    """Create a hold of 40.00 from Ada for Bob; return its path."""
    number = bob.number_of(accounts[1])
    ada.get("/holds/new")
    fields = {"to_account": number, "amount": "40", "reference": "Deposit on the flat"}
    page = ada.fill("Set aside", **fields | more)
    assert "The money is set aside" in page.text
    return page.path.partition("?")[0]


def sent(ada, bob, accounts) -> str:
    """Send 40.00 from Ada to Bob; return the path of the transfer."""
    number = bob.number_of(accounts[1])
    ada.get("/transfers/new")
    ada.fill("Continue", to_account=number, amount="40", reference="Chair")
    return ada.fill("Send now").path.partition("?")[0]


def test_money_that_is_set_aside_cannot_be_spent(ada, bob, accounts):
    held(ada, bob, accounts)
    assert "€60.00 available, €40.00 set aside" in ada.get(accounts[0]).text
    assert "Deposit on the flat" in ada.get("/holds").text
    assert bob.get("/holds").links["Deposit on the flat"]


def test_the_payee_captures_a_part_and_the_rest_is_free(ada, bob, accounts):
    hold = held(ada, bob, accounts)
    assert "Take it" not in ada.get(hold).links
    bob.get(bob.get(hold).links["Take it"])
    taking = bob.page
    assert "You have taken the money." in bob.fill("Take it", amount="15").text
    bob.page = taking
    assert "You have taken the money." in bob.fill("Take it", amount="15").text
    assert ada.balance_of(accounts[0]) == "€85.00"
    page = ada.get(accounts[0])
    assert "Taken from a hold" in page.text
    assert ada.get(page.links["Deposit on the flat"]).path == hold
    assert "captured already" in bob.get(f"{hold}/void").text


def test_an_error_of_a_capture_is_shown(ada, bob, accounts):
    hold = held(ada, bob, accounts)
    bob.get(f"{hold}/capture")
    page = bob.fill("Take it", amount="41")
    assert page.errors == {"amount": "The hold is smaller. Capture its amount or less."}
    assert "Only the payee and tellers" in ada.get(f"{hold}/capture").text
    assert "You have taken the money." in bob.fill("Take it", amount="40").text


def test_the_payee_voids_a_hold(ada, bob, accounts):
    hold = held(ada, bob, accounts)
    bob.get(f"{hold}/void")
    assert "The hold is void" in bob.fill("Give it up").text
    assert "€100.00 available" not in ada.get(accounts[0]).text
    assert "set aside" not in ada.get(accounts[0]).text


def test_a_hold_form_sent_twice_makes_one_hold(ada, bob, accounts):
    number = bob.number_of(accounts[1])
    address = ada.get("/holds/new").path
    form = ada.page
    ada.fill("Set aside", to_account=number, amount="40")
    ada.page = form
    assert "not set aside twice" in ada.fill("Set aside", to_account=number, amount="40").text
    assert "This form was sent already" in ada.get(address).text
    assert "€60.00 available" in ada.get(accounts[0]).text


def test_an_error_of_a_hold_is_beside_its_field(ada, bob, accounts):
    number = bob.number_of(accounts[1])
    ada.get("/holds/new")
    page = ada.fill("Set aside", to_account=number, amount="101")
    assert page.errors == {"amount": "The account does not hold enough: €1.00 are missing."}
    page = ada.fill("Set aside", amount="1", expires_in_s="5")
    assert page.errors == {"expires_in_s": "Choose one of the times."}


def test_a_schedule_is_created_once_shown_and_cancelled(ada, bob, accounts):
    number, tomorrow = bob.number_of(accounts[1]), datetime.now(UTC).date() + timedelta(days=1)
    fields = {"to_account": number, "amount": "5", "reference": "Pocket money"}
    fields |= {"first": str(tomorrow), "every": "week", "count": "3"}
    ada.get("/schedules/new")
    form = ada.page
    path = ada.fill("Schedule", **fields).path.partition("?")[0]
    assert "every week, 3 times" in ada.page.text
    ada.page = form
    assert "not scheduled twice" in ada.fill("Schedule", **fields).text
    assert ada.get("/schedules").links["Pocket money"] == path
    assert bob.get(path).status == 404
    ada.get(f"{path}/cancel")
    assert "The schedule is cancelled" in ada.fill("Cancel the schedule").text
    assert "This schedule is cancelled already" in ada.get(f"{path}/cancel").text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"first": "2020-01-01"}, "first"),
        ({"first": "soon"}, "first"),
        ({"every": "hour"}, "every"),
        ({"count": "0"}, "count"),
        ({"count": "\u0665"}, "count"),
        ({"amount": "0"}, "amount"),
    ],
)
def test_an_error_of_a_schedule_is_beside_its_field(ada, bob, accounts, wrong, field):
    number, tomorrow = bob.number_of(accounts[1]), datetime.now(UTC).date() + timedelta(days=1)
    ada.get("/schedules/new")
    fields = {"to_account": number, "amount": "5", "first": str(tomorrow), "every": "day"}
    assert list(ada.fill("Schedule", **fields | wrong).errors) == [field]


def test_the_runs_of_a_schedule_are_shown_refused_ones_too(app, ada, bob, accounts):
    number, tomorrow = bob.number_of(accounts[1]), datetime.now(UTC).date() + timedelta(days=1)
    ada.get("/schedules/new")
    fields = {"to_account": number, "amount": "60", "first": str(tomorrow), "every": "day"}
    path = ada.fill("Schedule", **fields).path.partition("?")[0]
    desk = app.extensions["accounts"].accounts._client
    later = datetime.now(UTC) + timedelta(days=3)
    DueWork(desk.store, clock=lambda: later, on_saved=print).run_due()
    page = ada.get(path)
    assert "Sent" in page.links
    assert "Not sent The account does not hold enough" in page.text
    assert ada.get(ada.get(page.links["Sent"]).links["a schedule"]).path == path


def test_the_payee_reverses_a_part_and_at_most_all(ada, bob, accounts):
    transfer = sent(ada, bob, accounts)
    assert "Send it back" not in ada.get(transfer).links
    bob.get(bob.get(transfer).links["Send it back"])
    sending = bob.page
    assert (
        "The money is sent back" in bob.fill("Send it back", amount="15", reference="Too much").text
    )
    bob.page = sending
    page = bob.fill("Send it back", amount="15", reference="Too much")
    assert "not sent back twice" in page.text
    assert ada.balance_of(accounts[0]) == "€75.00"
    bob.get(f"{transfer}/reverse")
    assert "€25.00 of it are left" in bob.page.text
    page = bob.fill("Send it back", amount="26")
    assert page.errors == {"amount": "The rest of the transfer is smaller. Send back less."}
    assert "The money is sent back" in bob.fill("Send it back", amount="").text
    assert "All of it has been sent back already" in bob.get(f"{transfer}/reverse").text
    assert ada.balance_of(accounts[0]) == "€100.00"
    page = ada.get(accounts[0])
    assert ada.get(page.links["Too much"]).path == transfer


def test_a_teller_reverses_a_transfer(ada, bob, accounts, teller):
    transfer = sent(ada, bob, accounts)
    teller.get(teller.get(transfer).links["Send it back"])
    assert "The money is sent back" in teller.fill("Send it back").text
    assert ada.balance_of(accounts[0]) == "€100.00"


def test_the_customer_sees_that_a_teller_froze_the_account(ada, bob, accounts, teller):
    teller.get(teller.get(accounts[0]).links["Freeze"])
    freezing = teller.page
    assert "The account is frozen" in teller.fill("Freeze").text
    teller.page = freezing
    assert "The account is frozen" in teller.fill("Freeze").text
    assert "pays none. Ask the bank" in ada.get(accounts[0]).text
    ada.get(f"{accounts[0]}/withdraw")
    assert "The account is frozen" in ada.fill("Pay out", amount="1").text
    teller.get(teller.get(accounts[0]).links["Unfreeze"])
    assert "is not frozen any more" in teller.fill("Unfreeze").text


def test_a_teller_sets_and_removes_limits(ada, bob, accounts, teller):
    teller.get(teller.get(accounts[0]).links["Limits"])
    assert "The limits are set" in teller.fill("Set", credit="50", day="120").text
    page = ada.get(accounts[0])
    assert "The balance may fall to -€50.00" in page.text
    assert "At most €120.00 may leave the account in a day" in page.text
    ada.get(f"{accounts[0]}/withdraw")
    ada.fill("Pay out", amount="110")
    ada.get(f"{accounts[0]}/withdraw")
    page = ada.fill("Pay out", amount="11")
    assert page.errors == {"amount": "The limit leaves €10.00 for today."}
    page = teller.get(f"{accounts[0]}/limits")
    assert page.form("Set").fields["credit"] == "50.00"
    page = teller.fill("Set", credit="0")
    assert list(page.errors) == ["credit"]
    assert "The limits are set" in teller.fill("Set", credit="50", day="").text
    assert "may leave the account in a day" not in ada.get(accounts[0]).text


def test_only_tellers_freeze_and_set_limits(ada, accounts):
    for action in ("freeze", "unfreeze", "limits"):
        assert ada.get(f"{accounts[0]}/{action}").status == 403
