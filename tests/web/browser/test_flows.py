"""What people do, from the first page to the last, with and without scripts, wide and narrow."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.helpers import AUDITOR, PASSWORD, TELLER
from tests.web.browser.conftest import Look, shot, sign_in

LOOKS = [
    Look("wide"),
    Look("narrow", "dark"),
    Look("wide", scripts=False),
    Look("narrow", scripts=False),
]
looks = pytest.mark.parametrize("look", LOOKS, ids=str)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def join(page: Page, username: str, full_name: str) -> None:
    page.goto("/")
    follow(page, "Sign up")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Full name").fill(full_name)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign up")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Hello, {full_name}")


def open_account(page: Page, name: str, paid_in: str = "") -> str:
    page.goto("/overview")
    page.get_by_role("main").get_by_text("Open an account").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Currency").select_option("EUR")
    press(page, "Open")
    expect(page.get_by_role("status")).to_contain_text("The account is open")
    number = page.locator(".number").first.inner_text()
    if paid_in:
        page.get_by_role("main").get_by_text("Pay in", exact=True).click()
        page.get_by_label("Amount").fill(paid_in)
        press(page, "Pay in")
        expect(page.get_by_role("status")).to_contain_text("Done.")
    return number


@looks
def test_a_newcomers_first_five_minutes(site, opened, look):
    ada, bob = opened(site, look), opened(site, look)
    join(ada, "ada", "Ada Lovelace")
    join(bob, "bob", "Bob Example")
    open_account(ada, "Household", "1,200.00")
    number = open_account(bob, "Flat")

    ada.goto("/overview")
    ada.get_by_role("main").get_by_text("Send money").click()
    ada.get_by_label("To account number").fill(number)
    ada.get_by_label("Amount").fill("12,50")
    ada.get_by_label("Reference").fill("Lunch")
    press(ada, "Continue")
    expect(ada.get_by_role("heading", level=1)).to_have_text("Send €12.50?")
    press(ada, "Send now")
    expect(ada.get_by_role("status")).to_contain_text("The money is sent")
    shot(ada, f"flow-sent-{look}")

    bob.goto("/overview")
    follow(bob, "Flat")
    expect(bob.locator(".balance")).to_have_text("€12.50")
    follow(bob, "Lunch")
    expect(bob.get_by_role("heading", level=1)).to_have_text("Received: €12.50")
    shot(bob, f"flow-received-{look}")

    ada.goto("/overview")
    follow(ada, "Household")
    expect(ada.locator(".balance")).to_have_text("€1,187.50")
    with ada.expect_download() as download:
        ada.get_by_text("Filter and download").click()
        ada.get_by_role("link", name=re.compile("^CSV")).click()
    assert download.value.suggested_filename.startswith("statement-DE")


@looks
def test_an_account_is_renamed_emptied_and_closed_and_the_user_leaves(site, opened, look):
    page = opened(site, look)
    join(page, "ada", "Ada")
    open_account(page, "Main", "5")
    page.goto("/overview")
    follow(page, "Main")
    page.get_by_text("Rename").click()
    page.get_by_label("Name").fill("Pocket")
    press(page, "Rename")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pocket")
    page.get_by_text("Pay out", exact=True).click()
    page.get_by_label("Amount").fill("5")
    press(page, "Pay out")
    expect(page.get_by_role("status")).to_contain_text("The balance is €0.00 now")
    follow(page, "Pocket")
    page.get_by_text("Close", exact=True).click()
    press(page, "Close the account")
    expect(page.get_by_role("status")).to_contain_text("The account is closed")

    page.goto("/profile")
    page.get_by_text("Change the password").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("battery staple")
    press(page, "Change the password")
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    page.get_by_text("Delete the user").click()
    press(page, "Delete my user")
    expect(page.get_by_role("status")).to_contain_text("Your user is deleted")
    page.goto("/overview")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@looks
def test_what_is_wrong_stands_beside_its_field_and_can_be_mended(site, opened, look):
    page = opened(site, look)
    join(page, "ada", "Ada")
    open_account(page, "Main", "100")
    page.goto("/transfers/new")
    page.get_by_label("To account number").fill("DE44 9990 0000 0123 4567 88")
    page.get_by_label("Amount").fill("1.234")
    press(page, "Continue")
    for label, says in (("To account number", "cannot be right"), ("Amount", "two ways")):
        field = page.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(says))
    expect(page.get_by_label("To account number")).to_be_focused()


@looks
def test_a_teller_finds_a_customer_and_pays_in_and_an_auditor_sees_it(town, opened, look):
    teller = sign_in(opened(town, look), TELLER)
    teller.get_by_role("link", name="Customers").click()
    teller.get_by_label("Username or account number").fill("ADA")
    press(teller, "Find")
    follow(teller, "Savings")
    teller.get_by_text("Pay in", exact=True).click()
    teller.get_by_label("Amount").fill("1")
    press(teller, "Pay in")
    expect(teller.get_by_role("status")).to_contain_text("Done.")

    auditor = sign_in(opened(town, look), AUDITOR)
    auditor.get_by_role("link", name="Audit", exact=True).click()
    auditor.get_by_text("Filter", exact=True).click()
    auditor.get_by_label("Event").fill("deposit")
    auditor.get_by_label("Who did it").fill(TELLER)
    press(auditor, "Show")
    expect(auditor.locator(".lines > li").first).to_contain_text("deposit")
    auditor.get_by_role("link", name="Integrity").click()
    press(auditor, "Check now")
    expect(auditor.get_by_role("status")).to_contain_text("The books are right")
