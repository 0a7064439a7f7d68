"""Pages of accounts, cash and transfers: each form takes effect once and shows its result."""

import re

import pytest

from tests.web.visitor import Visitor


@pytest.fixture
def sending(ada, bob):
    """Ada with 100.00 at the confirmation of a transfer of 12.50 to Bob."""
    account = ada.opened(balance="100")
    number = bob.number_of(bob.opened("Bob's"))
    ada.get("/transfers/new")
    ada.fill("Continue", to_account=number, amount="12.50", reference="Lunch")
    return ada, account


def test_a_first_account_is_opened_filled_and_shown(ada):
    account = ada.opened("Household", balance="1,234.50")
    assert ada.balance_of(account) == "€1,234.50"
    page = ada.get("/overview")
    assert page.links["Household"] == account
    assert "€1,234.50" in page.text
    assert "1 account in EUR" in page.text


def test_money_is_formatted_in_the_visitors_locale(app):
    german = Visitor(app, "de-DE,de;q=0.9,en;q=0.8").joined("hans")
    account = german.opened(balance="1.234,50")
    assert german.balance_of(account) == "1.234,50 €"


@pytest.mark.parametrize(
    "language", ["", "*", "xx", "tlh;q=1", "../../etc", "-", "en_US", "a" * 500]
)
def test_an_unknown_language_falls_back_to_english(app, language):
    visitor = Visitor(app, language).joined("ada")
    assert visitor.balance_of(visitor.opened(balance="1234.5")) == "€1,234.50"


def test_decimals_follow_iso_4217(ada):
    assert ada.balance_of(ada.opened("Dinar", "IQD", "1.250")) == "IQD 1.250"
    assert ada.balance_of(ada.opened("Yen", "JPY", "1,250")) == "¥1,250"


def test_a_form_that_opens_an_account_opens_one(ada):
    ada.get("/accounts/new")
    first = ada.sent("Open", name="Main", currency="EUR").headers["Location"]
    assert ada.sent("Open", name="Main", currency="EUR").headers["Location"] == first
    page = ada.fill("Open", name="Other", currency="EUR")
    assert (page.status, "Another request has this idempotency key" in page.text) == (422, True)
    assert ada.get("/overview").text.count("1 account in EUR") == 1


def test_accounts_stand_in_the_order_they_were_opened(ada):
    names = [f"Account {letter}" for letter in "abcdefgh"]
    for name in names:
        ada.opened(name)
    assert re.findall("Account [a-h]", ada.get("/overview").text) == names


def test_renaming_overwrites_no_other_change(ada):
    account = ada.opened("Main")
    ada.get(f"{account}/rename")
    first = ada.page
    assert "new name" in ada.fill("Rename", name="Household").text
    ada.page = first
    assert "new name" in ada.fill("Rename", name="Household").text
    ada.page = first
    assert "is now called" in ada.fill("Rename", name="Savings").text
    assert "Household" in ada.get(account).text


def test_an_account_with_money_on_it_says_how_to_be_closed(ada):
    account = ada.opened(balance="5")
    page = ada.get(f"{account}/close")
    assert "Bring the balance to zero" in page.text
    ada.get(f"{account}/withdraw")
    ada.fill("Pay out", amount="5")
    ada.get(f"{account}/close")
    closing = ada.page
    assert "The account is closed" in ada.fill("Close the account").text
    ada.page = closing
    assert "The account is closed" in ada.fill("Close the account").text
    assert "1 closed account" in ada.get("/overview").text
    assert "Pay in" not in ada.get(account).text


@pytest.mark.parametrize(("button", "where"), [("Pay in", "deposit"), ("Pay out", "withdraw")])
def test_a_cash_form_sent_twice_moves_money_once(ada, button, where):
    account = ada.opened(balance="50")
    ada.get(f"{account}/{where}")
    form = ada.page
    assert "Done." in ada.fill(button, amount="7").text
    ada.page = form
    assert "not done twice" in ada.fill(button, amount="7").text
    assert ada.balance_of(account) == ("€57.00" if where == "deposit" else "€43.00")


def test_going_back_to_a_sent_cash_form_shows_its_result(ada):
    account = ada.opened()
    address = ada.get(f"{account}/deposit").path
    ada.fill("Pay in", amount="7")
    page = ada.get(address)
    assert "This form was sent already: €7.00" in page.text
    assert [form.button for form in page.forms] == ["Sign out"]


def test_a_refusal_is_beside_its_field_and_the_form_may_be_sent_again(ada):
    account = ada.opened(balance="5")
    ada.get(f"{account}/withdraw")
    page = ada.fill("Pay out", amount="7.50")
    assert page.errors == {"amount": "The account does not hold enough: €2.50 are missing."}
    assert "Done." in ada.fill("Pay out", amount="5").text
    assert ada.balance_of(account) == "€0.00"


def test_a_form_sent_before_with_other_values_does_nothing(ada):
    account = ada.opened()
    ada.get(f"{account}/deposit")
    form = ada.page
    ada.fill("Pay in", amount="7")
    ada.page = form
    assert "was sent before with other values" in ada.fill("Pay in", amount="8").text
    anew = ada.page
    assert ada.balance_of(account) == "€7.00"
    ada.page = anew
    assert "Done." in ada.fill("Pay in", amount="8").text


def test_a_transfer_is_confirmed_before_it_is_sent(sending, bob):
    ada, account = sending
    assert "Send €12.50?" in ada.page.text
    assert "Available after it €87.50" in ada.page.text
    assert ada.balance_of(account) == "€100.00"


def test_a_transfer_arrives_on_the_other_side(sending, bob):
    ada, account = sending
    page = ada.fill("Send now")
    assert page.path.startswith("/transfers/")
    assert "The money is sent and has arrived" in page.text
    assert ada.balance_of(account) == "€87.50"
    page = bob.get("/transfers")
    assert "+€12.50" in page.text
    assert "Lunch" in page.text
    received = bob.get(page.links["Lunch"])
    assert "Received: €12.50" in received.text
    assert "€87.50" not in received.text


def test_a_transfer_form_sent_twice_makes_one_transfer(sending):
    ada, account = sending
    confirm = ada.page
    first = ada.fill("Send now").path.partition("?")[0]
    ada.page = confirm
    page = ada.fill("Send now")
    assert page.path == f"{first}?done=before"
    assert "not sent twice" in page.text
    assert ada.balance_of(account) == "€87.50"


def test_going_back_to_a_sent_form_leads_to_the_transfer(sending):
    ada, _ = sending
    confirm = ada.page.path
    sent = ada.fill("Send now").path.partition("?")[0]
    assert ada.get(confirm).path == f"{sent}?done=before"
    page = ada.get(re.sub(r"\?.*(key=[^&]*).*", r"?\1", confirm))
    assert "This form was sent already: €12.50" in page.text
    assert page.links["See the transfer"] == sent


def test_a_second_tab_with_another_amount_sends_nothing(sending):
    ada, account = sending
    key = ada.page.form("Send now").fields["key"]
    confirm = ada.page
    ada.fill("Send now")
    ada.page = confirm
    page = ada.fill("Send now", amount="13")
    assert "was sent before with other values" in page.text
    assert page.form("Continue").fields["key"] != key
    assert ada.balance_of(account) == "€87.50"


def test_changing_a_transfer_keeps_its_values(sending):
    ada, _ = sending
    page = ada.get(ada.page.links["Change it"])
    fields = page.form("Continue").fields
    assert (fields["amount"], fields["reference"]) == ("12.50", "Lunch")


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"to_account": "DE44 9990 0000 0123 4567 88"}, "to_account", "not an account number"),
        ({"to_account": ""}, "to_account", "Type the number"),
        ({"to_account": "GB82 WEST 1234 5698 7654 32"}, "to_account", "does not exist"),
        ({"amount": "1.234"}, "amount", "two readings"),
        ({"amount": "-1"}, "amount", "digits"),
        ({"amount": "1000"}, "amount", "€900.00 are missing"),
        ({"from_account": "not mine"}, "from_account", "Choose one of your accounts"),
        ({"reference": "x" * 141}, "reference", "at most 140"),
    ],
)
def test_an_error_of_a_transfer_is_beside_its_field(sending, wrong, field, says):
    ada, account = sending
    page = ada.get(ada.page.links["Change it"])
    page = ada.fill("Continue", **wrong)
    assert list(page.errors) == [field]
    assert says in page.errors[field]
    assert ada.balance_of(account) == "€100.00"


def test_a_wrong_currency_and_the_same_account_are_errors_of_the_number(ada):
    account = ada.opened(balance="100")
    yen = ada.number_of(ada.opened("Yen", "JPY"))
    for number, says in ((yen, "another currency"), (ada.number_of(account), "are the same")):
        ada.get(f"/transfers/new?from_account={account.removeprefix('/accounts/')}")
        page = ada.fill("Continue", to_account=number, amount="5")
        assert says in page.errors["to_account"]


def test_a_payer_without_an_account_is_asked_to_open_one(ada):
    assert ada.get("/transfers/new").links["Open an account"] == "/accounts/new"
    assert "Nothing has been sent or received yet" in ada.get("/transfers").text


def test_transfers_are_listed_in_adjacent_pages(ada):
    account = ada.opened(balance="100")
    number = ada.number_of(ada.opened("Savings"))
    for turn in range(30):
        ada.get(f"/transfers/new?from_account={account.removeprefix('/accounts/')}")
        ada.fill("Continue", to_account=number, amount="1", reference=f"No. {turn};")
        ada.fill("Send now")
    page = ada.get("/transfers")
    found = re.findall(r"No\. (\d+);", page.text)
    page = ada.get(page.links["Older"])
    found += re.findall(r"No\. (\d+);", page.text)
    assert found == [str(turn) for turn in reversed(range(30))]
    assert ada.get("/transfers?before=nonsense").status == 404


def test_pages_offer_no_cash_if_the_setting_forbids_it(app, ada):
    from msgspec.structs import replace

    account = ada.opened()
    bank = app.extensions["accounts"]
    settings = replace(bank.settings, CUSTOMER_CASH=False)
    app.extensions["accounts"] = replace(bank, settings=settings)
    bank.accounts._customer_cash = False
    page = ada.get(account)
    assert "Pay in" not in page.links
    ada.get(f"{account}/deposit")
    assert "only tellers" in ada.fill("Pay in", amount="5").text
