"""Double click, reload, back, a second tab, a session that ends: one effect, and it is told."""

import re

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from accounts_bank.ledger.actions import Hold, Transfer
from tests.helpers import PASSWORD, TELLER
from tests.web.browser.conftest import Look, Site
from tests.web.browser.hand import fill, headed, let_in, press, press_twice, shot, told

looks = pytest.mark.parametrize(
    "look", [Look("wide"), Look("narrow", scripts=False)], ids=["scripts", "plain"]
)


def balance(site: Site, username: str) -> int:
    """Read a balance past the pages."""
    return site.account(username, "Main").balance_minor


def end_sessions(site: Site, username: str) -> None:
    (user,) = site.bank.users.find(username)
    site.bank.users._changes.change(user, lambda now: replace(now, sessions=()), "logout")


@pytest.fixture
def ada(site) -> str:
    """Ada with 100.00, and savings with nothing."""
    return site.customer("Ada", Main=10_000, Savings=0)


@pytest.fixture
def confirming(site, opened, look, ada) -> Page:
    """Ada, about to send 30.00 to her savings."""
    page = let_in(opened(site, look), ada)
    page.goto("/transfers/new")
    fill(page, To_account_number=site.account(ada, "Savings").number, Amount="30")
    press(page, "Continue")
    headed(page, "Send €30.00?")
    return page


@looks
def test_a_double_click_sends_once(site, confirming, look, ada):
    press_twice(confirming, "Send now", "/transfers/[0-9a-f-]{36}")
    expect(confirming.get_by_role("status")).to_contain_text(re.compile("sent"))
    assert balance(site, ada) == 7_000


@looks
def test_a_double_click_pays_in_once_and_opens_one_account(site, opened, look):
    username = site.customer("Ada")
    page = let_in(opened(site, look), username)
    page.goto("/accounts/new")
    fill(page, Name="Main")
    press_twice(page, "Open", r"\?done=opened$")
    press(page, "Pay in")
    fill(page, Amount="7")
    press_twice(page, "Pay in", "/deposits/")
    page.goto("/overview")
    expect(page.locator(".rows > li")).to_have_count(1)
    assert balance(site, username) == 700


@looks
def test_a_double_click_signs_up_one_user(site, opened, look):
    page = opened(site, look)
    page.goto("/sign-up")
    fill(page, Username=site.new_name("ada"), Password=PASSWORD)
    press_twice(page, "Sign up", "/overview$")
    headed(page, "Overview")


@looks
def test_a_reload_sends_nothing_again(site, confirming, look, ada):
    press(confirming, "Send now")
    headed(confirming, "Sent: €30.00")
    for _ in range(2):
        confirming.reload()
        headed(confirming, "Sent: €30.00")
    assert balance(site, ada) == 7_000


@looks
def test_back_and_send_again_leads_to_the_sent_payment(site, confirming, look, ada):
    press(confirming, "Send now")
    headed(confirming, "Sent: €30.00")
    confirming.go_back()
    told(confirming, "not sent twice")
    shot(confirming, f"twice-back-{look}")
    confirming.go_back()
    told(confirming, "This form was sent already: €30.00")
    assert balance(site, ada) == 7_000


@looks
def test_two_tabs_with_one_form_send_once(site, confirming, look, ada):
    other = confirming.context.new_page()
    other.goto(confirming.url)
    press(confirming, "Send now")
    told(confirming, "The money is sent")
    press(other, "Send now")
    told(other, "not sent twice")
    assert balance(site, ada) == 7_000


@looks
def test_two_tabs_with_two_forms_are_two_transfers(site, confirming, look, ada):
    other = confirming.context.new_page()
    other.goto(confirming.url.replace("amount=30", "amount=31"))
    press(confirming, "Send now")
    told(confirming, "The money is sent")
    press(other, "Send now")
    expect(other.get_by_role("alert")).to_contain_text("was sent before with other values")
    shot(other, f"twice-tab-{look}")
    assert balance(site, ada) == 7_000
    press(other, "Continue")
    press(other, "Send now")
    told(other, "The money is sent")
    assert balance(site, ada) == 3_900


@looks
def test_a_session_that_ends_in_mid_form_leads_to_sign_in_and_back(site, confirming, look, ada):
    end_sessions(site, ada)
    press(confirming, "Send now")
    told(confirming, "was not processed")
    shot(confirming, f"twice-ended-{look}")
    assert balance(site, ada) == 10_000
    fill(confirming, Username=ada, Password=PASSWORD)
    press(confirming, "Sign in")
    headed(confirming, "Send €30.00?")
    press(confirming, "Send now")
    told(confirming, "The money is sent")
    assert balance(site, ada) == 7_000


@looks
def test_signing_out_in_one_tab_ends_the_other_too(site, confirming, look, ada):
    other = confirming.context.new_page()
    other.goto("/overview")
    press(other, "Sign out")
    told(other, "You are signed out")
    press(confirming, "Send now")
    told(confirming, "was not processed")
    assert balance(site, ada) == 10_000


@looks
def test_signing_in_anew_in_one_tab_shows_the_other_its_form_again(site, confirming, look, ada):
    other = confirming.context.new_page()
    other.goto("/overview")
    press(other, "Sign out")
    fill(other, Username=ada, Password=PASSWORD)
    press(other, "Sign in")
    press(confirming, "Send now")
    headed(confirming, "Nothing was done")
    confirming.get_by_text("Open the form again").click()
    press(confirming, "Send now")
    told(confirming, "The money is sent")
    assert balance(site, ada) == 7_000


@looks
def test_back_after_signing_out_shows_nothing(site, confirming, look, ada):
    press(confirming, "Sign out")
    told(confirming, "You are signed out")
    for _ in range(2):
        confirming.go_back()
        headed(confirming, "Sign in")
    assert "€" not in confirming.content()


@looks
def test_another_user_in_a_second_tab_sends_no_form_of_the_first(site, confirming, look, ada):
    other = confirming.context.new_page()
    other.goto("/overview")
    press(other, "Sign out")
    fill(other, Username=site.customer("Bob", Main=10_000), Password=PASSWORD)
    press(other, "Sign in")
    headed(other, "Hello, Bob")
    press(confirming, "Send now")
    headed(confirming, "Nothing was done")
    confirming.get_by_text("Open the form again").click()
    expect(confirming.get_by_label("From")).to_have_attribute("aria-invalid", "true")
    assert balance(site, ada) == 10_000


@looks
def test_a_form_kept_open_over_a_freeze_says_so_and_can_be_sent_after_it(
    site, confirming, look, ada
):
    accounts, teller = site.bank.accounts, site.caller(TELLER)
    accounts.freeze(teller, site.account(ada, "Main").id)
    press(confirming, "Send now")
    expect(confirming.get_by_text("The account is frozen")).to_be_visible()
    accounts.unfreeze(teller, site.account(ada, "Main").id)
    press(confirming, "Continue")
    press(confirming, "Send now")
    told(confirming, "The money is sent")
    assert balance(site, ada) == 7_000


@looks
def test_a_form_kept_open_until_its_account_is_closed_says_so(site, confirming, look, ada):
    accounts, caller = site.bank.accounts, site.caller(ada)
    accounts.close(caller, site.account(ada, "Savings").id)
    press(confirming, "Send now")
    expect(confirming.get_by_label("To account number")).to_have_attribute("aria-invalid", "true")
    assert balance(site, ada) == 10_000


@looks
def test_a_refused_form_that_is_reloaded_is_refused_again(site, opened, look, ada):
    page = let_in(opened(site, look), ada)
    page.goto(f"/accounts/{site.account(ada, 'Main').id}/withdraw")
    fill(page, Amount="101")
    press(page, "Pay out")
    for _ in range(2):
        expect(page.get_by_text("€1.00 are missing")).to_be_visible()
        page.reload()
    fill(page, Amount="100")
    press(page, "Pay out")
    told(page, "The balance is €0.00 now")
    assert balance(site, ada) == 0


@looks
def test_a_double_click_takes_and_sends_back_once(site, opened, look, ada):
    bob = site.customer("Bob", Flat=0)
    ends = site.account(ada, "Main").id, site.account(bob, "Flat").id
    accounts, payer = site.bank.accounts, site.caller(ada)
    hold = accounts.holds.create(payer, Hold(*ends, 4_000, "EUR", 3_600), None)
    page = let_in(opened(site, look), bob)
    page.goto(f"/holds/{hold.id}/capture")
    fill(page, Amount="15")
    press_twice(page, "Take it", r"\?done=capture$")
    told(page, "You have taken the money")
    sent = accounts.transfer(payer, Transfer(*ends, 4_000, "EUR"), None)
    page.goto(f"/transfers/{sent.recorded.entry.id}/reverse")
    fill(page, Amount="15")
    press_twice(page, "Send it back", r"\?done=reversed")
    assert balance(site, ada) == 10_000 - 1_500 - 4_000 + 1_500


@looks
def test_a_user_deleted_in_one_tab_is_signed_out_in_the_other(site, opened, look):
    username = site.customer("Ada")
    page = let_in(opened(site, look), username)
    page.goto("/profile")
    other = page.context.new_page()
    other.goto("/profile/delete")
    fill(other, Current_password=PASSWORD)
    press(other, "Delete my user")
    told(other, "Your user is deleted")
    press(page, "Save")
    told(page, "was not processed")
    fill(page, Username=username, Password=PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
