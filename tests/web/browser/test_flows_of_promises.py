"""Money set aside, money to be paid, and money sent back, as people do it in a browser."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from accounts_bank.collections.due_work import DueWork
from accounts_bank.ledger.actions import Hold, Transfer
from tests.web.browser.conftest import Site, looks
from tests.web.browser.hand import fill, follow, headed, let_in, press, shot, told


def pair(site: Site) -> tuple[str, str]:
    """Add Ada with 100.00 and Bob with nothing."""
    return site.customer("Ada", Main=10_000), site.customer("Bob", Flat=0)


def pass_days(site: Site, days: int) -> None:
    """Let the bank do the work that is due by then."""
    later = datetime.now(UTC) + timedelta(days=days)
    store = site.bank.accounts._client.store
    DueWork(store, clock=lambda: later, on_saved=lambda _: None).run_due()


@looks
def test_money_is_set_aside_and_the_payee_takes_a_part(site, opened, look):
    ada_is, bob_is = pair(site)
    ada, bob = let_in(opened(site, look), ada_is), let_in(opened(site, look), bob_is)
    ada.goto("/holds")
    press(ada, "Set money aside")
    number = site.account(bob_is, "Flat").number
    fill(ada, To_account_number=number, Amount="40", Reference="Key money")
    ada.get_by_label("Set aside for").select_option("a day")
    press(ada, "Set aside")
    told(ada, "The money is set aside")
    shot(ada, f"flow-held-{look}")
    follow(ada, "Main")
    expect(ada.get_by_role("main")).to_contain_text("€60.00 available, €40.00 set aside")

    bob.goto("/holds")
    follow(bob, "Key money")
    press(bob, "Take it")
    fill(bob, Amount="41")
    press(bob, "Take it")
    expect(bob.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    fill(bob, Amount="15")
    press(bob, "Take it")
    told(bob, "You have taken the money.")
    expect(bob.get_by_role("heading", level=1)).to_contain_text("captured")
    assert site.account(bob_is, "Flat").balance_minor == 1_500
    ada.reload()
    expect(ada.locator(".balance")).to_have_text("€85.00")
    follow(ada, "Key money")
    expect(ada.locator("dd", has_text="€15.00")).to_be_visible()


@looks
def test_the_payee_gives_up_a_hold(site, opened, look):
    ada_is, bob_is = pair(site)
    ends = site.account(ada_is, "Main").id, site.account(bob_is, "Flat").id
    ask = Hold(*ends, 4_000, "EUR", 3_600, "Key money")
    hold = site.bank.accounts.holds.create(site.caller(ada_is), ask, None)
    bob = let_in(opened(site, look), bob_is)
    bob.goto(f"/holds/{hold.id}")
    press(bob, "Give it up")
    expect(bob.get_by_role("main")).to_contain_text("€40.00 are set aside")
    press(bob, "Give it up")
    told(bob, "The hold is void")
    assert site.account(ada_is, "Main").available_minor == 10_000


@looks
def test_a_payment_is_scheduled_made_refused_and_cancelled(site, opened, look):
    ada_is, bob_is = pair(site)
    page = let_in(opened(site, look), ada_is)
    page.goto("/schedules")
    press(page, "Schedule a payment")
    number = site.account(bob_is, "Flat").number
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    fill(page, To_account_number=number, Amount="60", Reference="Rent", First_on=str(tomorrow))
    page.get_by_label("Then").select_option("every day")
    press(page, "Schedule")
    told(page, "The payment is scheduled.")
    expect(page.get_by_role("main")).to_contain_text("No payment was made yet.")

    pass_days(site, 3)
    page.goto("/schedules")
    follow(page, "Rent")
    runs = page.locator(".lines > li")
    expect(runs.filter(has_text="The account does not hold enough").first).to_be_visible()
    shot(page, f"flow-runs-{look}")
    follow(page, "Sent")
    headed(page, "Sent: €60.00")
    follow(page, "a schedule")
    press(page, "Cancel it")
    press(page, "Cancel the schedule")
    told(page, "The schedule is cancelled")
    expect(page.get_by_role("button", name="Cancel it")).to_have_count(0)
    assert site.account(bob_is, "Flat").balance_minor == 6_000


@looks
def test_the_payee_sends_back_a_part_and_then_the_rest(site, opened, look):
    ada_is, bob_is = pair(site)
    ends = site.account(ada_is, "Main").id, site.account(bob_is, "Flat").id
    ask = Transfer(*ends, 4_000, "EUR", "Chair")
    site.bank.accounts.transfer(site.caller(ada_is), ask, None)
    bob = let_in(opened(site, look), bob_is)
    bob.goto("/transfers")
    follow(bob, "Chair")
    press(bob, "Send it back")
    fill(bob, Amount="15", Reference="One leg is missing")
    press(bob, "Send it back")
    told(bob, "The money is sent back")
    assert site.account(ada_is, "Main").balance_minor == 7_500
    press(bob, "Send it back")
    expect(bob.get_by_role("main")).to_contain_text("€25.00 of it are left")
    press(bob, "Send it back")
    told(bob, "The money is sent back")
    expect(bob.locator(".lines > li")).to_have_count(2)
    expect(bob.get_by_role("button", name="Send it back")).to_have_count(0)
    shot(bob, f"flow-sent-back-{look}")
    assert site.account(ada_is, "Main").balance_minor == 10_000
