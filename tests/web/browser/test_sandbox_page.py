"""The page of a sandbox in a browser: axe finds nothing, and no script is needed."""

import pytest
from playwright.sync_api import Page, expect

from tests.helpers import Http
from tests.web.browser.conftest import Look, Site, served
from tests.web.browser.hand import shot
from tests.web.browser.test_pages import AXE, RULES, faults


@pytest.fixture(scope="module")
def sandbox(passwords, tmp_path_factory):
    """A sandbox with demo people, a fault, a snapshot, a bank, an advance and some requests."""
    folder = tmp_path_factory.mktemp("sandbox")
    site = served(passwords, folder, DEMO=True, SANDBOX=True, SANDBOX_OPEN=True)
    http = Http(site.app)
    http("PUT", "/v1/sandbox/snapshots/before-the-rent")
    http("POST", "/v1/sandbox/banks", {})
    http("POST", "/v1/sandbox/clock/advance", {"by": "P1M"})
    ada = http.signed_in("ada", "demo bank")
    http("POST", "/v1/sandbox/faults", {"do": {"answer": 503}, "match": {"user": "ada"}})
    ada("GET", "/v1/accounts")
    http("GET", f"/v1/transfers/{'long' * 40}")
    yield site
    site.close()


@pytest.mark.parametrize("look", [Look("wide"), Look("narrow", "dark")], ids=str)
def test_axe_finds_nothing_on_the_page_of_a_sandbox(sandbox, opened, look):
    page: Page = opened(sandbox, look)
    page.add_init_script(AXE)
    page.goto("/sandbox")
    for details in page.locator("main details > summary").all()[:2]:
        details.click()
    assert faults(page, RULES) == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]
    shot(page, f"sandbox-{look}")


def test_the_keyboard_advances_the_clock_without_scripts(sandbox: Site, opened):
    page = opened(sandbox, Look("wide", scripts=False))
    page.goto("/sandbox")
    before = sandbox.bank.sandbox.now
    page.get_by_label("Advance by or to").focus()
    page.keyboard.type("P1D")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The clock is advanced.")
    assert (sandbox.bank.sandbox.now - before).days == 1
