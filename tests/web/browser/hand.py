"""Steps of a user on a page."""

import re

from playwright.sync_api import Page, expect

from accounts_bank.sandbox import demo
from tests.gates.test_root_names import ROOT
from tests.helpers import PASSWORD
from tests.rounds import SOAK

SHOTS = ROOT / "build" / "pages"
"""The pictures that `make soak` takes. Git ignores them."""


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def press_twice(page: Page, name: str, leads_to: str) -> None:
    """Double-click, and see where that leads.

    The second click breaks off what the first one began, which `wait_for_url` takes for a fault.
    """
    page.get_by_role("button", name=name, exact=True).dblclick(no_wait_after=True)
    expect(page).to_have_url(re.compile(leads_to))


def follow(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def unfold(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_text(name, exact=True).click()


def fill(page: Page, **fields: str) -> None:
    """Type into fields, which are named by their labels, with `_` for a space."""
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " ")).fill(text)


def told(page: Page, text: str) -> None:
    """Expect the page to report an outcome."""
    expect(page.get_by_role("status")).to_contain_text(text)


def headed(page: Page, text: str) -> None:
    """See that the page is headed so."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def sign_in(page: Page, username: str, password: str = demo.PASSWORD) -> Page:
    page.goto("/sign-in")
    fill(page, Username=username, Password=password)
    press(page, "Sign in")
    page.wait_for_url("**/overview")
    return page


def let_in(page: Page, username: str) -> Page:
    """Sign in as a user of `Site.customer`."""
    return sign_in(page, username, PASSWORD)


def join(page: Page, username: str, full_name: str) -> None:
    page.goto("/")
    follow(page, "Sign up")
    fill(page, Username=username, Full_name=full_name, Password=PASSWORD)
    press(page, "Sign up")
    headed(page, f"Hello, {full_name}")


def shot(page: Page, name: str) -> None:
    """Keep a picture of the whole page, in a soak."""
    if not SOAK:
        return
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
