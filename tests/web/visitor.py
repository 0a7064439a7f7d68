"""A visitor without a browser: reads forms, fills them in and sends them."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from tests.helpers import PASSWORD

_REDIRECTS_MAX = 5
_VOID = {"input", "meta", "link", "br", "img", "path"}


class Form:
    def __init__(self, attributes: dict[str, str | None]) -> None:
        self.action = attributes.get("action") or ""
        self.method = (attributes.get("method") or "get").lower()
        self.fields: dict[str, str] = {}
        self.button = ""


class Page(HTMLParser):
    """The texts, links and forms of a page."""

    def __init__(self, answer: TestResponse) -> None:
        super().__init__()
        self.status = answer.status_code
        self.path = answer.request.full_path.removesuffix("?")
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self._words: list[str] = []
        self._inside: list[tuple[str, dict[str, str | None]]] = []
        self.html = answer.text
        self.feed(self.html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).replace("\xa0", " ").split())

    def form(self, button: str) -> Form:
        """Return the form with a button."""
        found = [form for form in self.forms if form.button == button]
        assert found, (button, [form.button for form in self.forms], self.text)
        return found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag not in _VOID:
            self._inside.append((tag, attributes))
        if tag == "form":
            self.forms.append(Form(attributes))
        name = attributes.get("name")
        if tag == "input" and name:
            self.forms[-1].fields[name] = attributes.get("value") or ""
        select = next((each for tag, each in self._inside if tag == "select"), None)
        if tag == "option" and select:
            fields, value = self.forms[-1].fields, attributes.get("value") or ""
            if "selected" in attributes or select["name"] not in fields:
                fields[str(select["name"])] = value

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self._inside, (tag, "ends what was not begun")
        assert self._inside.pop()[0] == tag, (tag, "does not end what was begun last")

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if not words:
            return
        self._words.append(words)
        for tag, attributes in self._inside:
            if tag == "button" and self.forms:
                self.forms[-1].button = f"{self.forms[-1].button} {words}".strip()
            if tag == "a":
                self.links.setdefault(words, str(attributes["href"]))
            if attributes.get("class") == "error":
                field = str(attributes["id"]).removesuffix("-error")
                self.errors[field] = words


class Visitor:
    """A user with a browser without JavaScript."""

    def __init__(self, app: Flask, language: str = "en", *, base: str = "http://localhost") -> None:
        self.app = app
        self.client = app.test_client()
        self.headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": language}
        self.base = base
        self.page: Page | None = None

    def send(self, method: str, path: str, fields: Any = None, **headers: str) -> TestResponse:
        """Send one request and follow no redirect."""
        return self.client.open(
            path,
            method=method,
            data=fields,
            headers=self.headers | headers,
            base_url=self.base,
            buffered=True,
        )

    def get(self, path: str) -> Page:
        """Open a page and follow its redirects."""
        here = self.page.path if self.page else "/"
        return self._arrived(self.send("GET", urljoin(here, path).partition("#")[0]))

    def fill(self, button: str, **fields: str) -> Page:
        """Fill in the form with this button on the present page, and send it."""
        return self._arrived(self.sent(button, **fields))

    def sent(self, button: str, **fields: str) -> TestResponse:
        """Fill in a form and send it; follow no redirect."""
        assert self.page is not None
        form = self.page.form(button)
        unknown = fields.keys() - form.fields.keys()
        assert not unknown, unknown
        filled = form.fields | fields
        action = form.action or urlsplit(self.page.path).path
        if form.method == "get":
            return self.send("GET", f"{action.partition('#')[0]}?{urlencode(filled)}")
        return self.send("POST", action, filled)

    def joined(self, username: str, full_name: str = "") -> "Visitor":
        """Sign up."""
        self.get("/sign-up")
        page = self.fill("Sign up", username=username, password=PASSWORD, full_name=full_name)
        assert page.path == "/overview", page.text
        return self

    def signed_in(self, username: str) -> "Visitor":
        """Sign in."""
        self.get("/sign-in")
        page = self.fill("Sign in", username=username, password=PASSWORD)
        assert page.path == "/overview", page.text
        return self

    def opened(self, name: str = "Main", currency: str = "EUR", balance: str = "") -> str:
        """Open an account and pay in; return its path."""
        self.get("/accounts/new")
        path = self.fill("Open", name=name, currency=currency).path.partition("?")[0]
        if balance:
            self.get(f"{path}/deposit")
            assert "Done." in self.fill("Pay in", amount=balance).text
        return path

    def number_of(self, account: str) -> str:
        """Read the number of an account."""
        words = self.get(account).text.split()
        start = next(at for at, word in enumerate(words) if word.startswith("DE"))
        return " ".join(words[start : start + 6])

    def balance_of(self, account: str) -> str:
        """Read the formatted balance of an account."""
        html = self.get(account).html.partition('class="balance"')[2]
        return html.partition('class="amount">')[2].partition("<")[0].replace("\xa0", " ")

    def _arrived(self, answer: TestResponse) -> Page:
        for _ in range(_REDIRECTS_MAX):
            if answer.status_code not in {302, 303}:
                break
            answer = self.send("GET", answer.headers["Location"])
        self.page = Page(answer)
        return self.page
