"""Pages of approvals; pages offer staff nothing on accounts of its own."""

import pytest

from accounts_bank.app import create_app
from accounts_bank.identity import Role
from tests.helpers import AUDITOR, PASSWORD, TELLER
from tests.web.conftest import with_templates
from tests.web.visitor import Visitor


@pytest.fixture
def app(passwords):
    names = {TELLER: TELLER, "tess": TELLER, AUDITOR: AUDITOR}
    staff = [{"username": name, "role": role, "password": PASSWORD} for name, role in names.items()]
    settings = {"FOUR_EYES": True, "FOUR_EYES_CASH_ABOVE_MINOR": {"EUR": 1000}}
    made = create_app({"STAFF": staff, **settings}, passwords=passwords)
    yield with_templates(made)
    made.extensions["accounts"].close()


@pytest.fixture
def tom(app):
    return Visitor(app).signed_in(TELLER)


@pytest.fixture
def tess(app):
    return Visitor(app).signed_in("tess")


def pays_in(teller, account: str, amount: str):
    teller.get(f"{account}/deposit")
    return teller.fill("Pay in", amount=amount)


def test_a_large_deposit_leads_to_its_request_and_a_second_teller_grants_it(ada, tom, tess):
    account = ada.opened("Household", balance="5")
    asked = pays_in(tom, account, "20")
    assert asked.path.startswith("/approvals/")
    assert "A second person must grant this" in asked.text
    assert "You asked for this" in asked.text
    assert asked.forms[1:] == []
    tess.get("/approvals")
    assert f"asked by {TELLER}" in tess.page.text
    tess.get(tess.page.links["Pay in"])
    assert "€20.00" in tess.page.text
    assert "Your decision is recorded" in tess.fill("Grant").text
    assert "€25.00" in ada.get(account).text
    assert "Nothing waits" in tess.get("/approvals").text


def test_a_form_that_is_sent_twice_is_one_request(ada, tom):
    account = ada.opened("Household")
    tom.get(f"{account}/deposit")
    form = tom.page
    first = tom.fill("Pay in", amount="20").path.partition("?")[0]
    tom.page = form
    assert tom.fill("Pay in", amount="20").path.partition("?")[0] == first


def test_a_refused_request_changes_nothing(ada, tom, tess):
    account = ada.opened("Household", balance="5")
    path = pays_in(tom, account, "20").path.partition("?")[0]
    tess.get(path)
    assert "refused" in tess.fill("Refuse").text
    assert "Grant" not in [form.button for form in tess.get(path).forms]
    assert "€5.00" in ada.get(account).text


def test_the_ledgers_reason_is_shown_and_the_request_waits_on(ada, tom, tess):
    account = ada.opened("Household", balance="20")
    tom.get(f"{account}/withdraw")
    path = tom.fill("Pay out", amount="15").path.partition("?")[0]
    ada.get(f"{account}/withdraw")
    ada.fill("Pay out", amount="10")
    tess.get(path)
    refused = tess.fill("Grant")
    assert "does not hold enough" in refused.text
    assert "Grant" in [form.button for form in refused.forms]


def test_two_limits_are_two_requests(ada, tom, tess):
    account = ada.opened("Household")
    tom.get(f"{account}/limits")
    assert "A second person" in tom.fill("Set", credit="50", day="70").text
    titles = tess.get("/approvals").links
    assert {"Credit limit", "Daily limit"} <= titles.keys()


def test_an_auditor_reads_a_request_and_a_customer_does_not(app, ada, tom):
    account = ada.opened("Household")
    path = pays_in(tom, account, "20").path.partition("?")[0]
    auditor = Visitor(app).signed_in(AUDITOR)
    assert "Grant" not in [form.button for form in auditor.get(path).forms]
    assert ada.get(path).status == 403
    assert ada.get("/approvals").status == 403


def test_an_admin_reads_a_request_on_an_account_that_it_may_not_read(app, ada, tom):
    users = app.extensions["accounts"].users
    users.add("root", users._passwords.hash(PASSWORD), role=Role.ADMIN)
    account = ada.opened("Household")
    path = pays_in(tom, account, "20").path.partition("?")[0]
    root = Visitor(app).signed_in("root")
    assert account.rpartition("/")[2] in root.get(path).text
    assert "Your decision is recorded" in root.fill("Grant").text


def test_a_teller_is_offered_nothing_on_an_own_account(ada, tom):
    own, other = tom.opened("Wages"), ada.opened("Household")
    offered = {"Pay in", "Pay out", "Freeze", "Limits"}
    assert offered <= tom.get(other).links.keys()
    assert not offered & tom.get(own).links.keys()
    assert {"Rename", "Close", "Send money"} <= tom.page.links.keys()
    assert {"Pay in", "Pay out"} <= ada.get(other).links.keys()
