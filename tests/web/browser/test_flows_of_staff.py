"""Tellers and auditors at work in a browser."""

from playwright.sync_api import expect

from tests.helpers import AUDITOR, TELLER
from tests.web.browser.conftest import looks
from tests.web.browser.hand import fill, follow, headed, let_in, press, shot, told, unfold


@looks
def test_a_teller_finds_a_customer_and_pays_in_and_an_auditor_sees_it(site, opened, look):
    username = site.customer("Ada", Savings=0)
    site.customer("Bob", **{f"Pot {number}": 0 for number in range(25)})  # a page of the audit log
    teller = let_in(opened(site, look), TELLER)
    follow(teller, "find one")
    fill(teller, Username_or_account_number="nobody")
    press(teller, "Find")
    expect(teller.get_by_text("No user has this username")).to_be_visible()
    fill(teller, Username_or_account_number=username.upper())
    press(teller, "Find")
    headed(teller, "Ada")
    follow(teller, "Savings")
    press(teller, "Pay in")
    fill(teller, Amount="1")
    press(teller, "Pay in")
    told(teller, "Done.")
    entry_id = teller.locator(".id").inner_text()

    auditor = let_in(opened(site, look), AUDITOR)
    auditor.get_by_role("link", name="Audit", exact=True).click()
    unfold(auditor, "Filter")
    fill(auditor, Event="deposit", Who_did_it=TELLER, Anything_in_the_line=entry_id)
    press(auditor, "Show")
    lines = auditor.locator(".lines > li")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("deposit")
    lines.locator("summary").click()
    expect(lines.locator("pre")).to_contain_text(entry_id)
    shot(auditor, f"flow-audited-{look}")
    fill(auditor, Event="withdrawal")
    press(auditor, "Show")
    expect(auditor.get_by_text("No line matches")).to_be_visible()
    auditor.locator(".empty").get_by_role("link", name="Show all").click()
    expect(lines).to_have_count(25)
    number = lines.first.locator("summary").inner_text()
    press(auditor, "Older")
    expect(lines.first.locator("summary")).not_to_have_text(number)
    press(auditor, "Newest")
    expect(lines).to_have_count(25)

    auditor.get_by_role("link", name="Integrity").click()
    press(auditor, "Check now")
    told(auditor, "The books and the audit log are right")


@looks
def test_a_teller_freezes_an_account_and_unfreezes_it(site, opened, look):
    username = site.customer("Ada", Main=10_000)
    teller, ada = let_in(opened(site, look), TELLER), let_in(opened(site, look), username)
    teller.goto("/customers")
    fill(teller, Username_or_account_number=site.account(username, "Main").number)
    press(teller, "Find")
    headed(teller, "Main")
    press(teller, "Freeze")
    headed(teller, "Freeze Main")
    press(teller, "Freeze")
    told(teller, "The account is frozen.")

    follow(ada, "Main")
    expect(ada.get_by_role("main")).to_contain_text("accepts money and pays none")
    shot(ada, f"flow-frozen-{look}")
    press(ada, "Pay out")
    fill(ada, Amount="1")
    press(ada, "Pay out")
    expect(ada.get_by_role("alert")).to_contain_text("The account is frozen")

    press(teller, "Unfreeze")
    headed(teller, "Unfreeze Main")
    press(teller, "Unfreeze")
    told(teller, "The account is not frozen any more")
    press(ada, "Pay out")
    told(ada, "The balance is €99.00 now")


@looks
def test_a_teller_sets_limits_and_the_customer_meets_them(site, opened, look):
    username = site.customer("Ada", Main=10_000)
    teller, ada = let_in(opened(site, look), TELLER), let_in(opened(site, look), username)
    teller.goto(f"/accounts/{site.account(username, 'Main').id}")
    press(teller, "Limits")
    fill(teller, Credit_limit="50", Daily_limit="120")
    press(teller, "Set")
    told(teller, "The limits are set.")

    follow(ada, "Main")
    main = ada.get_by_role("main")
    expect(main).to_contain_text("The balance may fall to -€50.00")
    expect(main).to_contain_text("At most €120.00 may leave the account in a day")
    press(ada, "Pay out")
    fill(ada, Amount="110")
    press(ada, "Pay out")
    told(ada, "The balance is -€10.00 now")
    follow(ada, "Main")
    press(ada, "Pay out")
    fill(ada, Amount="11")
    press(ada, "Pay out")
    expect(ada.get_by_text("The limit leaves €10.00 for today")).to_be_visible()

    press(teller, "Limits")
    fill(teller, Credit_limit="", Daily_limit="")
    press(teller, "Set")
    expect(teller.get_by_label("Credit limit")).to_have_attribute("aria-invalid", "true")
    fill(teller, Credit_limit="10")
    press(teller, "Set")
    told(teller, "The limits are set.")
