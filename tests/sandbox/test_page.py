"""The page of a sandbox: it tells the state of the bank, and its buttons change it."""

import pytest

from accounts_bank.sandbox.exchanges import KEPT_MAX, Exchange, Exchanges, shown
from tests.helpers import PASSWORD, START, code
from tests.web.visitor import Page


class Visitor:
    """A browser without scripts at the sandbox page of a bank."""

    def __init__(self, app, bank):
        self.client, self.path = app.test_client(), f"{bank.path}/sandbox"

    def look(self):
        page = Page(self.client.get(self.path))
        assert page.status == 200
        return page

    def press(self, act, **fields):
        answer = self.client.post(self.path, data={"act": act, **fields})
        return Page(answer if answer.status_code != 303 else self.client.get(answer.location))


@pytest.fixture
def visitor(app, bank):
    return Visitor(app, bank)


def test_one_look_tells_the_state_of_the_bank(visitor, bank):
    bank.hold("ada", "ben", 1, 60)
    bank.admin("PUT", "/v1/sandbox/snapshots/before")
    bank.admin("POST", "/v1/sandbox/faults", {"do": {"answer": 503}, "match": {"user": "ben"}})
    text = visitor.look().text
    for told in (
        "31 Jan 2026, 00:00 UTC",
        "frozen",
        "31 Jan 2026, 00:01 UTC",
        "before",
        "answer=503",
        "1 left, 0 hits",
        "user ben",
        "/v1/holds",
        "username ada",
    ):
        assert told in text


def test_buttons_advance_the_clock_and_tell_the_entries_that_ran(visitor, bank):
    hold = bank.hold("ada", "ben", 1, 60)
    text = visitor.press("advance", step="next_due").text
    assert "The last advance ran 1" in text
    assert hold["id"] in text
    assert "28 Feb 2026" in visitor.press("advance", step="P1M").text
    assert "Clock running" in visitor.press("mode", mode="running").text
    assert bank.clock()["mode"] == "running"


def test_a_refusal_is_shown_on_the_page(visitor, bank):
    refused = visitor.press("advance", step="2020-01-01T00:00:00Z")
    assert (refused.status, "Restore a snapshot" in refused.text) == (422, True)
    for act, fields in (
        ("nothing", {}),
        ("advance", {"step": "soon"}),
        ("mode", {"mode": "fast"}),
        ("keep", {"name": "../x"}),
        ("fault", {"effect": "fire"}),
        ("restore", {"name": "none"}),
        ("delete", {"bank_id": "none"}),
    ):
        assert visitor.press(act, **fields).status == 422
    assert bank.clock()["now"] == "2026-01-31T00:00:00Z"


def test_a_snapshot_is_kept_restored_and_deleted(visitor, bank):
    visitor.press("keep", name="before")
    digest = bank.digest()
    bank.send("ada", "ben", 1)
    visitor.press("restore", name="before")
    assert bank.digest() == digest
    bank.send("ada", "ben", 1)
    visitor.press("reset", to="seed")
    assert bank.digest() == digest
    assert "None is kept." in visitor.press("forget", name="before").text


def test_a_fault_acts_and_its_hit_and_request_are_shown(visitor, bank):
    visitor.press("fault", effect="answer=503", user="ada")
    refused = bank.people["ada"]("GET", "/v1/accounts")
    assert refused.status_code == 503
    page = visitor.look()
    request_id = refused.headers["X-Request-Id"]
    assert f"hit accounts_list_accounts {request_id}" in page.text
    assert f"ada · {request_id}" in page.text
    assert "0 left, 1 hit " in page.text
    fault_id = page.form("Delete the fault 1").fields["fault_id"]
    assert "Each request gets its true answer." in visitor.press("unfault", fault_id=fault_id).text


def test_a_lost_answer_is_shown_with_its_body(visitor, bank):
    ends = bank.accounts["ada"]["id"], bank.accounts["ben"]["id"]
    body = dict(zip(("from_account", "to_account"), ends, strict=True))
    body |= {"amount_minor": 7, "currency": "EUR"}
    lost = {"Accounts-Fault": "drop=after_commit"}
    with pytest.raises(ConnectionAbortedError):
        bank.people["ada"]("POST", "/v1/transfers", body, headers=lost)
    page = visitor.look()
    assert "lost" in page.text
    assert '"amount_minor":7' in page.text


def test_no_password_and_no_token_is_shown(visitor, bank, app):
    client = app.test_client()
    user = {"username": "eve", "password": "very secret words"}
    for path in ("/v1/users", "/v1/auth/login"):
        client.post(f"{bank.path}{path}", json=user)
    html = visitor.look().html
    assert "/v1/auth/login" in html
    assert "very secret words" not in html
    assert "eyJ" not in html


def test_banks_are_made_visited_and_deleted(app, bank):
    visitor = Visitor(app, bank)
    page = visitor.press("make")
    (path,) = [
        each
        for each in page.links.values()
        if each.startswith("/banks/") and "sandbox" in each and bank.id not in each
    ]
    assert app.test_client().get(path).status_code == 200
    visitor.press("delete", bank_id=path.split("/")[2])
    assert app.test_client().get(path).status_code == 404


def test_a_button_signs_in_as_a_user(visitor, bank):
    user_id = bank.people["ada"]("GET", "/v1/users/me").json["id"]
    answer = visitor.client.post(f"{visitor.path}/sign-in", data={"user_id": user_id})
    assert answer.location == f"{bank.path}/overview"
    overview = visitor.client.get(answer.location)
    assert overview.status_code == 200
    assert "/sandbox" in overview.text
    assert visitor.press("advance", step="P1D").status == 200


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-site"}, {"Origin": "https://x.example"}]
)
def test_a_form_of_another_site_changes_nothing(visitor, bank, headers):
    answer = visitor.client.post(visitor.path, data={"act": "reset"}, headers=headers)
    assert answer.status_code in {303, 403}
    assert "done" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("settings", [{"SANDBOX_OPEN": False}])
def test_a_closed_sandbox_shows_its_page_to_an_admin_alone(app, http):
    visitor = app.test_client()
    assert "/sign-in" in visitor.get("/sandbox").location
    fields = {"username": "eve", "password": PASSWORD, "full_name": ""}
    visitor.post("/sign-up", data=fields)
    assert visitor.get("/sandbox").status_code == 403
    assert visitor.post("/sandbox/sign-in", data={}).status_code == 403


@pytest.mark.parametrize("settings", [{"SANDBOX": False}])
def test_there_is_no_page_without_a_sandbox(app, http):
    assert code(http("GET", "/sandbox")) == (404, "not_found")
    assert code(http("POST", "/sandbox/sign-in")) == (404, "not_found")


def test_the_last_requests_alone_are_kept():
    kept = Exchanges()
    for number in range(KEPT_MAX + 5):
        kept.add(Exchange(START, str(number), "GET", "/", 200, "", "", "", ""))
    ids = [each.request_id for each in kept.newest_first()]
    assert (len(ids), ids[0], ids[-1]) == (KEPT_MAX, str(KEPT_MAX + 4), "5")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", ""),
        (b'{"a":[{"new_password":"x","n":1}]}', '{"a":[{"new_password":"...","n":1}]}'),
        (b'{"pass\\u0077ord":"x"}', '{"password":"..."}'),
        (b'{"password":"x"', "15 bytes"),
        (b"[" * 1_500, "1500 bytes"),
        (b"\xff", "1 bytes"),
        (b'"' + b"x" * 3_000 + b'"', "3002 bytes"),
    ],
)
def test_a_body_is_shown_without_secrets(body, told):
    assert shown(body) == told
