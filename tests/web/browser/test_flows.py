"""Tasks of customers from the first page to the last, with and without scripts, wide and narrow."""

import re

from playwright.sync_api import Page, expect

from tests.helpers import PASSWORD
from tests.web.browser.conftest import looks
from tests.web.browser.hand import (
    fill,
    follow,
    headed,
    join,
    let_in,
    press,
    shot,
    sign_in,
    told,
    unfold,
)


def open_account(page: Page, name: str, paid_in: str = "") -> str:
    """Open an account and pay in; answer its number."""
    page.goto("/overview")
    press(page, "Open an account")
    fill(page, Name=name)
    page.get_by_label("Currency").select_option("EUR")
    press(page, "Open")
    told(page, "The account is open")
    number = page.locator(".number").first.inner_text()
    if paid_in:
        press(page, "Pay in")
        fill(page, Amount=paid_in)
        press(page, "Pay in")
        told(page, "Done.")
    return number


@looks
def test_a_newcomers_first_five_minutes(site, opened, look):
    ada, bob = opened(site, look), opened(site, look)
    join(ada, site.new_name("ada"), "Ada Lovelace")
    join(bob, site.new_name("bob"), "Bob Example")
    open_account(ada, "Household", "1,200.00")
    number = open_account(bob, "Flat")

    ada.goto("/overview")
    press(ada, "Send money")
    fill(ada, To_account_number=number, Amount="12,50", Reference="Lunch")
    press(ada, "Continue")
    headed(ada, "Send €12.50?")
    press(ada, "Send now")
    told(ada, "The money is sent")
    shot(ada, f"flow-sent-{look}")

    bob.goto("/overview")
    follow(bob, "Flat")
    expect(bob.locator(".balance")).to_have_text("€12.50")
    follow(bob, "Lunch")
    headed(bob, "Received: €12.50")
    shot(bob, f"flow-received-{look}")

    ada.goto("/overview")
    follow(ada, "Household")
    expect(ada.locator(".balance")).to_have_text("€1,187.50")


@looks
def test_an_account_is_renamed_emptied_and_closed_and_the_user_leaves(site, opened, look):
    username = site.customer("Ada", Main=500)
    page = let_in(opened(site, look), username)
    follow(page, "Main")
    press(page, "Rename")
    fill(page, Name="Pocket")
    press(page, "Rename")
    headed(page, "Pocket")
    press(page, "Close")
    expect(page.get_by_role("main")).to_contain_text("There is €5.00 on it")
    follow(page, "Back to the account")
    press(page, "Pay out")
    fill(page, Amount="5")
    press(page, "Pay out")
    told(page, "The balance is €0.00 now")
    follow(page, "Pocket")
    press(page, "Close")
    press(page, "Close the account")
    told(page, "The account is closed")

    page.goto("/profile")
    press(page, "Delete the user")
    fill(page, Current_password=PASSWORD)
    press(page, "Delete my user")
    told(page, "Your user is deleted")
    page.goto("/overview")
    headed(page, "Sign in")


@looks
def test_a_password_is_changed_and_the_old_one_opens_nothing(site, opened, look):
    username = site.customer("Ada", Main=0)
    page, other_page = let_in(opened(site, look), username), let_in(opened(site, look), username)
    page.goto("/profile")
    press(page, "Change the password")
    fill(page, Current_password="wrong horse", New_password="battery staple")
    press(page, "Change the password")
    expect(page.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    fill(page, Current_password=PASSWORD, New_password="battery staple")
    press(page, "Change the password")
    told(page, "Your password is changed")
    other_page.reload()
    headed(other_page, "Sign in")
    fill(other_page, Username=username, Password=PASSWORD)
    press(other_page, "Sign in")
    expect(other_page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    sign_in(other_page, username, "battery staple")


@looks
def test_a_user_with_an_account_is_sent_to_close_it_first(site, opened, look):
    page = let_in(opened(site, look), site.customer("Ada", Main=0))
    page.goto("/profile/delete")
    fill(page, Current_password=PASSWORD)
    press(page, "Delete my user")
    expect(page.get_by_role("alert")).to_contain_text("account")
    follow(page, "Close all accounts")
    headed(page, "Hello, Ada")


@looks
def test_each_fault_stands_beside_its_field(site, opened, look):
    page = let_in(opened(site, look), site.customer("Ada", Main=10_000))
    page.goto("/transfers/new")
    fill(page, To_account_number="DE44 9990 0000 0123 4567 88", Amount="1.234")
    press(page, "Continue")
    for label, says in (("To account number", "not an account number"), ("Amount", "two readings")):
        field = page.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(says))
    expect(page.get_by_label("To account number")).to_be_focused()


@looks
def test_a_statement_is_filtered_paged_and_taken_home(town, opened, look):
    page = sign_in(opened(town, look), "ada")
    follow(page, "Everyday")
    unfold(page, "Filter and download")
    fill(page, Reference_or_number="GROCERIES")
    page.get_by_label("In or out").select_option("money out")
    press(page, "Show")
    lines = page.locator(".lines > li")
    expect(lines).to_have_count(25)
    expect(lines.filter(has_text="Groceries")).to_have_count(25)
    newest = lines.first.inner_text()
    press(page, "Older")
    expect(lines.filter(has_text="Groceries").first).not_to_have_text(newest)
    press(page, "Newest")
    expect(lines.first).to_contain_text(newest.partition("\n")[0])
    follow(page, "Show all")
    expect(page.get_by_label("Reference or number")).to_have_value("")

    day = town.account("ada", "Everyday").created_at.date().isoformat()
    unfold(page, "Filter and download")
    page.get_by_label("From", exact=True).fill(day)
    page.get_by_label("To", exact=True).fill(day)
    press(page, "Show")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("Opening deposit")
    for link, extension, holds in (("CSV", "csv", "opening_balance"), ("camt", "xml", "<Stmt>")):
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile(f"^{link}")).click()
        assert download.value.suggested_filename.endswith(f".{extension}")
        text = download.value.path().read_text(encoding="utf-8")
        assert holds in text
        assert text.count("Opening deposit") == 1
        assert "Groceries" not in text
