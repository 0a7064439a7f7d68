"""Double click, reload, back, a second tab, a session that ends: one effect, and it is told."""

import re

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from tests.helpers import PASSWORD
from tests.web.browser.conftest import Look, Site, shot
from tests.web.browser.test_flows import join, open_account, press

looks = pytest.mark.parametrize(
    "look", [Look("wide"), Look("narrow", scripts=False)], ids=["scripts", "plain"]
)


def balance(site: Site, name: str = "Main") -> int:
    """Read a balance past the pages."""
    return next(each.balance_minor for each in site.accounts("ada") if each.name == name)


def end_sessions(site: Site) -> None:
    (user,) = site.bank.users.named("ada")
    site.bank.users._change(user, lambda now: replace(now, sessions=()), "logout")


@pytest.fixture
def confirming(site, opened, look) -> Page:
    """Ada with 100.00, about to send 30.00 to her savings."""
    page = opened(site, look)
    join(page, "ada", "Ada")
    open_account(page, "Main", "100")
    number = open_account(page, "Savings")
    page.goto("/transfers/new")
    page.get_by_label("To account number").fill(number)
    page.get_by_label("Amount").fill("30")
    press(page, "Continue")
    expect(page.get_by_role("heading", level=1)).to_have_text("Send €30.00?")
    return page


@looks
def test_a_double_click_sends_once(site, confirming, look):
    confirming.get_by_role("button", name="Send now").dblclick(no_wait_after=True)
    confirming.wait_for_url("**/transfers/*-*")
    expect(confirming.get_by_role("status")).to_contain_text(re.compile("sent"))
    assert balance(site) == 7_000


@looks
def test_a_double_click_pays_in_once_and_opens_one_account(site, opened, look):
    page = opened(site, look)
    join(page, "ada", "Ada")
    page.goto("/accounts/new")
    page.get_by_label("Name").fill("Main")
    page.get_by_role("button", name="Open", exact=True).dblclick(no_wait_after=True)
    page.wait_for_url("**?done=opened")
    page.get_by_role("main").get_by_text("Pay in", exact=True).click()
    page.get_by_label("Amount").fill("7")
    page.get_by_role("button", name="Pay in", exact=True).dblclick(no_wait_after=True)
    page.wait_for_url("**/deposits/*")
    page.goto("/overview")
    expect(page.locator(".rows > li")).to_have_count(1)
    assert balance(site) == 700


@looks
def test_a_double_click_signs_up_one_user(site, opened, look):
    page = opened(site, look)
    page.goto("/sign-up")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up", exact=True).dblclick(no_wait_after=True)
    page.wait_for_url("**/overview")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


@looks
def test_a_reload_sends_nothing_again(site, confirming, look):
    press(confirming, "Send now")
    confirming.wait_for_url("**/transfers/*-*")
    for _ in range(2):
        confirming.reload()
        expect(confirming.get_by_role("heading", level=1)).to_have_text("Sent: €30.00")
    assert balance(site) == 7_000


@looks
def test_back_and_send_again_leads_to_what_was_sent(site, confirming, look):
    press(confirming, "Send now")
    confirming.wait_for_url("**/transfers/*-*")
    confirming.go_back()
    expect(confirming.get_by_role("status")).to_contain_text("not sent twice")
    shot(confirming, f"twice-back-{look}")
    confirming.go_back()
    expect(confirming.get_by_role("status")).to_contain_text("This form was sent already: €30.00")
    assert balance(site) == 7_000


@looks
def test_two_tabs_with_one_form_send_once(site, confirming, look):
    other = confirming.context.new_page()
    other.goto(confirming.url)
    press(confirming, "Send now")
    expect(confirming.get_by_role("status")).to_contain_text("The money is sent")
    press(other, "Send now")
    expect(other.get_by_role("status")).to_contain_text("not sent twice")
    assert balance(site) == 7_000


@looks
def test_two_tabs_with_two_forms_are_two_transfers(site, confirming, look):
    other = confirming.context.new_page()
    other.goto(confirming.url.replace("amount=30", "amount=31"))
    press(confirming, "Send now")
    expect(confirming.get_by_role("status")).to_contain_text("The money is sent")
    press(other, "Send now")
    expect(other.get_by_role("alert")).to_contain_text("has done something else already")
    shot(other, f"twice-tab-{look}")
    assert balance(site) == 7_000
    press(other, "Continue")
    press(other, "Send now")
    expect(other.get_by_role("status")).to_contain_text("The money is sent")
    assert balance(site) == 3_900


@looks
def test_a_session_that_ends_in_mid_form_leads_to_sign_in_and_back(site, confirming, look):
    end_sessions(site)
    press(confirming, "Send now")
    expect(confirming.get_by_role("status")).to_contain_text("was not done")
    shot(confirming, f"twice-ended-{look}")
    assert balance(site) == 10_000
    confirming.get_by_label("Username").fill("ada")
    confirming.get_by_label("Password").fill(PASSWORD)
    press(confirming, "Sign in")
    expect(confirming.get_by_role("heading", level=1)).to_have_text("Send €30.00?")
    press(confirming, "Send now")
    expect(confirming.get_by_role("status")).to_contain_text("The money is sent")
    assert balance(site) == 7_000


@looks
def test_signing_out_in_one_tab_ends_the_other_too(site, confirming, look):
    other = confirming.context.new_page()
    other.goto("/overview")
    press(other, "Sign out")
    expect(other.get_by_role("status")).to_contain_text("You are signed out")
    press(confirming, "Send now")
    expect(confirming.get_by_role("status")).to_contain_text("was not done")
    assert balance(site) == 10_000


@looks
def test_signing_in_anew_in_one_tab_shows_the_other_its_form_again(site, confirming, look):
    other = confirming.context.new_page()
    other.goto("/overview")
    press(other, "Sign out")
    other.get_by_label("Username").fill("ada")
    other.get_by_label("Password").fill(PASSWORD)
    press(other, "Sign in")
    press(confirming, "Send now")
    expect(confirming.get_by_role("heading", level=1)).to_have_text("Nothing was done")
    confirming.get_by_text("Open the form again").click()
    press(confirming, "Send now")
    expect(confirming.get_by_role("status")).to_contain_text("The money is sent")
    assert balance(site) == 7_000
