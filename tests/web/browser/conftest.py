"""A real browser at a bank of this process."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Thread
from typing import Any, Literal

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

from accounts.identity import Caller
from accounts.ledger.values import Account
from accounts.sandbox import demo
from app import create_app
from tests.gates.test_root_names import ROOT
from tests.programs import program
from tests.web.conftest import with_templates

SHOTS = ROOT / "build" / "pages"
"""Where the pictures of this run are kept. Git ignores it."""

WIDTHS = {"wide": 1280, "narrow": 390}
SCHEMES: dict[str, Literal["light", "dark"]] = {"light": "light", "dark": "dark"}
TIMEOUT_MS = 15_000


class Look:
    """How somebody looks at the pages: how wide, how light, and whether scripts run."""

    def __init__(self, width: str, scheme: str = "light", *, scripts: bool = True) -> None:
        self.width, self.scheme, self.scripts = width, scheme, scripts

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}{'' if self.scripts else '-plain'}"


def in_one(app: Flask) -> Any:
    """Answer in one part, as the gateway does.

    Werkzeug's server leaves a file open that a browser had begun to read when it went away.
    """

    def answer(environment: Any, start_response: Any) -> list[bytes]:
        with closing(ClosingIterator(app(environment, start_response))) as chunks:
            return [b"".join(chunks)]

    return answer


class Site:
    """A bank that is served to browsers."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.bank = app.extensions["accounts"]
        self._server = make_server("127.0.0.1", 0, in_one(app), threaded=True)
        self.base = f"http://localhost:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def caller(self, username: str) -> Caller:
        (user,) = self.bank.users.named(username)
        return Caller(user.id, user.role, "")

    def accounts(self, username: str) -> list[Account]:
        found: list[Account] = self.bank.accounts.of(self.caller(username), after=None, limit=100)
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.bank.audit.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def served(passwords, **settings) -> Site:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app({"LOG_FILE": "app.log", **settings}, passwords=passwords)
    return Site(with_templates(app))


@pytest.fixture
def site(passwords) -> Iterator[Site]:
    site = served(passwords)
    yield site
    site.close()


@pytest.fixture(scope="module")
def town(passwords, tmp_path_factory) -> Iterator[Site]:
    """The demo: people with a year behind them, for all tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("town"))
        site = served(passwords, DEMO=True)
    yield site
    site.close()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[[Site, Look], Page]]:
    """Open a browser window of its own, with its own cookies; what goes wrong in it is told."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def open_window(site: Site, look: Look) -> Page:
        context = chromium.new_context(
            base_url=site.base,
            viewport={"width": WIDTHS[look.width], "height": 800},
            color_scheme=SCHEMES[look.scheme],
            java_script_enabled=look.scripts,
            locale="en-GB",
        )
        context.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: _listen(troubles, said.text))
        page.on("request", lambda asked: _stay_here(troubles, site, asked.url))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert troubles == []


def _listen(troubles: list[str], text: str) -> None:
    if "Content Security Policy" in text or "Uncaught" in text:
        troubles.append(text)


def _stay_here(troubles: list[str], site: Site, url: str) -> None:
    if not url.startswith((site.base, "data:")):
        troubles.append(f"asks elsewhere: {url}")


def sign_in(page: Page, username: str) -> Page:
    """Sign in as somebody of the demo."""
    page.goto("/sign-in")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/overview")
    return page


def shot(page: Page, name: str) -> None:
    """Keep a picture."""
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
