"""Every page in two looks: axe finds nothing and nothing is cut off; a soak keeps pictures."""

import re
from functools import cache

import pytest
from playwright.sync_api import Page, expect

from accounts_bank.errors import AwaitsApproval
from accounts_bank.identity import Caller, Role
from tests.gates.test_root_names import ROOT
from tests.helpers import AUDITOR, TELLER
from tests.rounds import rounds
from tests.web.browser.conftest import Look, Site
from tests.web.browser.hand import shot, sign_in

AXE = (ROOT / "tests/web/vendor/axe-core/axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES_OF_SIGHT = [
    "color-contrast",
    "link-in-text-block",
    "scrollable-region-focusable",
    "target-size",
]
"""Rules about colours and sizes, which differ between looks; the others judge the structure."""

PAGES = {
    None: {
        "sign-in": "/sign-in?next=/profile&why=ended",
        "sign-up": "/sign-up",
        "not-found": "/nowhere",
    },
    "ada": {
        "overview": "/overview",
        "account": "{household}",
        "account-filtered": "{household}?way=out&text=market",
        "account-nothing-fits": "{household}?text=nothing+like+it",
        "account-done": "{household}?done=opened",
        "account-new": "/accounts/new",
        "account-rename": "{household}/rename",
        "account-close": "{household}/close",
        "account-close-full": "{savings}/close",
        "deposit": "{household}/deposit",
        "withdraw": "{household}/withdraw",
        "transfers": "/transfers",
        "transfer-new": "/transfers/new",
        "transfer-wrong": "/transfers/new?from_account={household_id}&to_account=DE12&amount=1.234"
        "&key=01a2121c-0001-7000-8000-000000000000",
        "transfer-confirm": "/transfers/new?from_account={household_id}&to_account={bobs}"
        "&amount=12,50&reference=Lunch&key=01a2121c-0001-7000-8000-000000000000",
        "transfer": "{transfer}",
        "holds": "/holds",
        "hold": "{hold}",
        "hold-new": "/holds/new",
        "hold-capture": "{hold}/capture",
        "hold-void": "{hold}/void",
        "schedules": "/schedules",
        "schedule": "{schedule}",
        "schedule-new": "/schedules/new",
        "schedule-cancel": "{schedule}/cancel",
        "profile": "/profile",
        "password": "/profile/password",
        "sessions": "/profile/sessions",
        "keys": "/profile/keys",
        "key-new": "/profile/keys/new",
        "user-delete": "/profile/delete",
        "sign-out": "/sign-out",
        "forbidden": "/audit",
    },
    TELLER: {
        "empty": "/overview",
        "transfers-empty": "/transfers",
        "transfer-new-empty": "/transfers/new",
        "holds-empty": "/holds",
        "schedules-empty": "/schedules",
        "freeze": "{household}/freeze",
        "unfreeze": "{household}/unfreeze",
        "limits": "{household}/limits",
        "transfer-reverse": "{transfer}/reverse",
        "teller-hold": "{hold}",
        "customers": "/customers",
        "customers-nobody": "/customers?name=nobody",
        "customer": "/customers/{ada}",
        "teller-account": "{household}",
        "approvals": "/approvals",
        "approval": "{approval}",
    },
    AUDITOR: {
        "auditor-overview": "/overview",
        "audit": "/audit",
        "audit-filtered": "/audit?event=login&who=ada",
        "integrity": "/integrity",
        "integrity-checked": "/integrity?check=now",
    },
}


def places(town: Site) -> dict[str, str]:
    everyday, savings, *_ = town.accounts("ada")
    ada = town.caller("ada")
    sent = town.bank.accounts.transfers_of(ada, before=None, limit=1)[0].recorded.entry.id
    paid = town.bank.accounts.schedules.of(ada, before=None, limit=1)[0]
    return {
        "household": f"/accounts/{everyday.id}",
        "household_id": everyday.id,
        "savings": f"/accounts/{savings.id}",
        "bobs": town.accounts("ben")[0].number,
        "ada": ada.id,
        "transfer": f"/transfers/{sent}",
        "hold": f"/holds/{town.bank.accounts.holds.of(ada, before=None, limit=1)[0].id}",
        "schedule": f"/schedules/{paid.id}",
        "approval": f"/approvals/{approval(town)}",
    }


@cache
def approval(town: Site) -> str:
    """Return the id of a request that a teller of another shift made."""
    other = Caller("another-teller", Role.TELLER, "session")
    with pytest.raises(AwaitsApproval) as waits:
        town.bank.accounts.limit_credit(other, town.accounts("ada")[0].id, 50_000)
    return waits.value.approval_id


def faults(page: Page, rules: list[str]) -> list[str]:
    """Return what axe finds by the rules, which are named by tags or each by its id."""
    found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules)
    return [
        f"{each['id']}: {node['html']} ({node['failureSummary']})"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.soak
@pytest.mark.parametrize("who", PAGES)
@pytest.mark.parametrize("look", [Look("wide"), Look("narrow", "dark")], ids=str)
def test_axe_finds_nothing_and_nothing_is_cut_off(town, opened, who, look):
    rules = rounds(RULES_OF_SIGHT, RULES) if look.width == "narrow" else RULES
    page = opened(town, look)
    page.add_init_script(AXE)
    if who:
        sign_in(page, who)
    for name, path in PAGES[who].items():
        page.goto(path.format(**places(town)))
        for details in page.locator("main details:not([open]) > summary").all()[:1]:
            details.click()
        assert faults(page, rules) == [], name
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], (name, width)
        shot(page, f"{name}-{look}")


def test_every_page_is_looked_at(app):
    looked_at = {path.partition("?")[0] for group in PAGES.values() for path in group.values()}
    shapes = {"{household}": "/accounts/<account>", "{savings}": "/accounts/<account>"}
    shapes |= {"{transfer}": "/transfers/<entry_id>", "{ada}": "<user_id>"}
    shapes |= {"{hold}": "/holds/<entry_id>", "{schedule}": "/schedules/<entry_id>"}
    shapes |= {"{approval}": "/approvals/<approval_id>"}
    for given, rule in shapes.items():
        looked_at = {path.replace(given, rule) for path in looked_at}
    like_others = {"/", "/deposits/<entry_id>", "/withdrawals/<entry_id>"}
    like_others |= {f"/approvals/<approval_id>/{end}" for end in ("grant", "refuse")}
    redirects = {"/reversals/<entry_id>", "/captures/<entry_id>"}
    files = {"/accounts/<account>/statement.csv", "/accounts/<account>/statement.xml"}
    pages = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if app.view_functions[rule.endpoint].__module__.startswith("accounts_bank.web.")
    }
    assert pages - looked_at == like_others | redirects | files


@pytest.mark.parametrize("scripts", [True, False])
def test_the_keyboard_reaches_everything_in_order(town, opened, scripts):
    page = sign_in(opened(town, Look("wide", scripts=scripts)), "ada")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    assert page.locator(":focus").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Everyday")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/*")


def test_a_chart_shows_the_balance_under_the_pointer(town, opened):
    page = sign_in(opened(town, Look("wide")), "ada")
    figure = page.locator("figure").first
    caption = figure.locator("figcaption")
    expect(caption).to_contain_text("From")
    words = caption.inner_text()
    figure.locator(".u-over").hover()
    said = re.compile(r"^(?!.*From).*:.*€")
    expect(caption).to_have_text(said, use_inner_text=True)
    page.mouse.move(0, 0)
    expect(caption).to_have_text(words, use_inner_text=True)


def test_a_chart_is_drawn_without_scripts_too(town, opened):
    page = sign_in(opened(town, Look("narrow", scripts=False)), "ada")
    assert page.locator("figure svg path").first.bounding_box()["width"] > 200
    shot(page, "overview-narrow-light-plain")
