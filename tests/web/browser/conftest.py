"""A real browser at a bank of this process."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

from accounts_bank.app import create_app
from accounts_bank.collections.passwords import Passwords
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Deposit
from accounts_bank.ledger.values import Account
from tests.helpers import AUDITOR, PASSWORD, TELLER
from tests.programs import browser
from tests.rounds import rounds
from tests.web.conftest import with_templates

WIDTHS = {"wide": 1280, "narrow": 390}
SCHEMES: dict[str, Literal["light", "dark"]] = {"light": "light", "dark": "dark"}
TIMEOUT_MS = 15_000


class Look:
    """How somebody looks at the pages: how wide, how light, and whether scripts run."""

    def __init__(self, width: str, scheme: str = "light", *, scripts: bool = True) -> None:
        self.width, self.scheme, self.scripts = width, scheme, scripts

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}{'' if self.scripts else '-plain'}"


SHORT = [Look("wide"), Look("narrow", scripts=False)]
FULL = [*SHORT, Look("narrow", "dark"), Look("wide", scripts=False)]


def looks(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in each look: in two that differ in everything, and in all of them in a soak."""
    return pytest.mark.soak(pytest.mark.parametrize("look", rounds(SHORT, FULL), ids=str)(test))


def in_one(app: Flask) -> Any:
    """Answer in one part, as the gateway does.

    Werkzeug's server leaves a file open that a browser had begun to read when it went away.
    """

    def answer(environment: Any, start_response: Any) -> list[bytes]:
        with closing(ClosingIterator(app(environment, start_response))) as chunks:
            return [b"".join(chunks)]

    return answer


class Site:
    """A bank that is served to browsers, for all tests: each has people of its own there."""

    def __init__(self, app: Flask, passwords: Passwords) -> None:
        self.app = app
        self.bank = app.extensions["accounts"]
        self._password_hash = passwords.hash(PASSWORD)
        self._numbers = count(1)
        self._server = make_server("127.0.0.1", 0, in_one(app), threaded=True)
        self.base = f"http://localhost:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def new_name(self, first: str) -> str:
        """Return a username that is free."""
        return f"{first.lower()}-{next(self._numbers)}"

    def customer(self, first: str, **balances_minor: int) -> str:
        """Add a customer with accounts in EUR that hold so much; answer the username."""
        username = self.new_name(first)
        self.bank.users.add(username, self._password_hash, full_name=first)
        caller = self.caller(username)
        for name, balance_minor in balances_minor.items():
            account = self.bank.accounts.open(caller, name, "EUR")
            if balance_minor:
                self.bank.accounts.deposit(caller, Deposit(account.id, balance_minor, "EUR"), None)
        return username

    def caller(self, username: str) -> Caller:
        (user,) = self.bank.users.find(username)
        return Caller(user.id, user.role, "")

    def accounts(self, username: str) -> list[Account]:
        found: list[Account] = self.bank.accounts.of(self.caller(username), after=None, limit=100)
        return found

    def account(self, username: str, name: str) -> Account:
        """Read an account past the pages."""
        return next(each for each in self.accounts(username) if each.name == name)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.bank.close()


class Windows:
    """Browser windows, each with cookies of its own, which the next test does not get."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[tuple[str, str], list[BrowserContext]] = defaultdict(list)
        self._taken: list[tuple[tuple[str, str], BrowserContext]] = []
        self._troubles: list[str] = []

    def open(self, site: Site, look: Look) -> Page:
        """Give somebody a window."""
        kind = (site.base, str(look))
        context = self._free[kind].pop() if self._free[kind] else self._made(site, look)
        self._taken.append((kind, context))
        return context.new_page()

    def close(self) -> list[str]:
        """Take all windows back; return the errors of their pages."""
        while self._taken:
            kind, context = self._taken.pop()
            for page in context.pages:
                page.close()
            context.clear_cookies()
            self._free[kind].append(context)
        troubles, self._troubles = self._troubles, []
        return troubles

    def _made(self, site: Site, look: Look) -> BrowserContext:
        context = self._browser.new_context(
            base_url=site.base,
            viewport={"width": WIDTHS[look.width], "height": 800},
            color_scheme=SCHEMES[look.scheme],
            java_script_enabled=look.scripts,
            locale="en-GB",
        )
        context.set_default_timeout(TIMEOUT_MS)
        context.on("weberror", lambda raised: self._troubles.append(str(raised.error)))
        context.on("console", lambda said: self._listen(said.text))
        context.on("request", lambda asked: self._stay_here(site, asked.url))
        return context

    def _listen(self, text: str) -> None:
        if "Content Security Policy" in text or "Uncaught" in text:
            self._troubles.append(text)

    def _stay_here(self, site: Site, url: str) -> None:
        if not url.startswith((site.base, "data:")):
            self._troubles.append(f"requests another host: {url}")


def served(passwords: Passwords, folder: Path, **settings: Any) -> Site:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logs = {"LOG_FILE": str(folder / "app.log"), "AUDIT_LOG": str(folder / "audit.log")}
    app = create_app(logs | settings, passwords=passwords)
    return Site(with_templates(app), passwords)


@pytest.fixture(scope="session")
def site(passwords, tmp_path_factory) -> Iterator[Site]:
    staff = [{"username": name, "role": name, "password": PASSWORD} for name in (AUDITOR, TELLER)]
    site = served(passwords, tmp_path_factory.mktemp("site"), STAFF=staff)
    yield site
    site.close()


@pytest.fixture(scope="session")
def town(passwords, tmp_path_factory) -> Iterator[Site]:
    """The demo: people with a year behind them."""
    site = served(passwords, tmp_path_factory.mktemp("town"), DEMO=True, FOUR_EYES=True)
    yield site
    site.close()


@pytest.fixture(scope="session")
def windows() -> Iterator[Windows]:
    path = browser()
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield Windows(started)
        started.close()


@pytest.fixture
def opened(windows: Windows) -> Iterator[Callable[[Site, Look], Page]]:
    """Open a browser window with its own cookies; errors of its pages fail the test."""
    yield windows.open
    assert windows.close() == []
