"""Permissions of pages, their headers, and secrets in logs."""

import re

import pytest

from accounts_bank.collections import permissions
from accounts_bank.collections.permissions import PERMISSIONS, Permission
from accounts_bank.identity import Role
from tests.api.test_secrecy import CANARY, logs
from tests.helpers import AUDITOR, PASSWORD, TELLER
from tests.web.visitor import Visitor

EVERYONE = {"/", "/sign-in", "/sign-up", "/sign-out"}
KEY = "01a2121c-0001-7000-8000-000000000000"

# The pages for some roles; all others are for every signed-in user.
ONLY = {
    "/customers": {Role.TELLER, Role.AUDITOR},
    "/customers/<user_id>": {Role.TELLER, Role.AUDITOR},
    "/approvals": set(Role) - {Role.CUSTOMER},
    "/approvals/<approval_id>": set(Role) - {Role.CUSTOMER},
    "/approvals/<approval_id>/grant": {Role.TELLER, Role.ADMIN},
    "/approvals/<approval_id>/refuse": {Role.TELLER, Role.ADMIN},
    "/audit": {Role.AUDITOR},
    "/integrity": {Role.AUDITOR},
    "/accounts/<account>/freeze": {Role.TELLER},
    "/accounts/<account>/unfreeze": {Role.TELLER},
    "/accounts/<account>/limits": {Role.TELLER},
}
CHANGES = set(Role) - {Role.AUDITOR}
ONLY |= dict.fromkeys(
    [
        *("/accounts/new", "/accounts/<account>/rename", "/accounts/<account>/close"),
        *("/accounts/<account>/deposit", "/accounts/<account>/withdraw"),
        *("/transfers/new", "/transfers/<entry_id>/reverse", "/holds/new"),
        *("/holds/<entry_id>/capture", "/holds/<entry_id>/void"),
        *("/schedules/new", "/schedules/<entry_id>/cancel"),
    ],
    CHANGES,
)


def pages(app):
    """Return the rule of every page, a matching path and the methods."""
    for rule in app.url_map.iter_rules():
        if app.view_functions[rule.endpoint].__module__.startswith("accounts_bank.web."):
            path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]
            yield rule.rule, path, sorted(rule.methods & {"GET", "POST"})


@pytest.fixture
def visitors(app):
    users = app.extensions["accounts"].users
    users.add("admin", users._passwords.hash(PASSWORD), role=Role.ADMIN)
    made = {Role.CUSTOMER: Visitor(app).joined("customer")}
    return made | {
        role: Visitor(app).signed_in(name)
        for role, name in ((Role.TELLER, TELLER), (Role.AUDITOR, AUDITOR), (Role.ADMIN, "admin"))
    }


def test_every_page_opens_to_its_roles_only(app, visitors):
    assert {rule for rule, _, _ in pages(app)} >= ONLY.keys() | EVERYONE
    for role, visitor in visitors.items():
        token = visitor.page.form("Sign out").fields["csrf_token"]
        for rule, path, methods in pages(app):
            for method in methods:
                if rule in EVERYONE or (method, rule) == ("POST", "/profile/delete"):
                    continue
                fields = {"csrf_token": token, "key": KEY} if method == "POST" else None
                answer = visitor.send(method, path, fields)
                is_open = role in ONLY.get(rule, set(Role))
                assert (answer.status_code != 403) == is_open, (role, method, path, answer.text)
                assert answer.status_code < 500


def test_a_role_without_permissions_opens_no_page(app, visitors, monkeypatch):
    rows = {**PERMISSIONS, Role.TELLER: frozenset[Permission]()}
    monkeypatch.setattr(permissions, "PERMISSIONS", rows)
    for rule, path, methods in pages(app):
        if rule not in EVERYONE:
            assert visitors[Role.TELLER].send(methods[0], path).status_code == 403, path


def test_every_page_redirects_a_stranger_to_sign_in(app):
    stranger = Visitor(app)
    for rule, path, methods in pages(app):
        for method in methods:
            answer = stranger.send(method, path)
            leads = answer.headers.get("Location", "")
            assert rule in EVERYONE or leads.startswith("/sign-in?next="), (method, path)


def test_every_form_needs_the_secret_of_the_session(app, visitors):
    tried = 0
    for rule, path, methods in pages(app):
        if "POST" in methods and rule not in EVERYONE - {"/sign-out"}:
            answer = visitors[Role.CUSTOMER].send("POST", path, {"csrf_token": "forged"})
            assert answer.status_code == 403, path
            tried += 1
    assert tried > 15


def test_pages_of_other_users_are_not_found(app, ada, bob):
    account = ada.opened(balance="10")
    ada.get(f"{account}/deposit")
    receipt = ada.fill("Pay in", amount="1").path.partition("?")[0]
    number = ada.number_of(account).replace(" ", "")
    token = bob.page.form("Sign out").fields["csrf_token"]
    for path in (account, receipt, f"/accounts/{number}", "/accounts/nobody", "/transfers/nobody"):
        assert bob.get(path).status == 404
    for action in ("rename", "close", "deposit", "withdraw"):
        fields = {"csrf_token": token, "key": KEY, "amount": "1", "name": "Mine"}
        assert bob.send("POST", f"{account}/{action}", fields).status_code == 404
    assert bob.send("GET", f"{account}/statement.csv").status_code == 404
    assert ada.balance_of(account) == "€11.00"


def test_pages_are_not_cached_and_load_nothing_of_other_sites(app, visitors):
    for role, visitor in visitors.items():
        for _, path, _ in pages(app):
            answer = visitor.send("GET", path)
            assert answer.headers["Cache-Control"] == "no-store", (role, path)
            if answer.mimetype == "text/html" and answer.status_code < 300:
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
                assert "unsafe" not in policy
                assert not re.search(r"\s(style|on\w+)=|<script>|<style|https?:", answer.text), path


def test_typed_text_is_escaped(ada):
    account = ada.opened("<script>alert(1)</script>")
    for page in (ada.get(account), ada.get("/overview"), ada.get(f"{account}/rename")):
        assert "<script>alert" not in page.html
        assert "&lt;script&gt;alert(1)" in page.html


def test_a_problem_is_a_page_for_browsers_and_json_for_programs(app, ada):
    page = ada.get("/nowhere")
    assert (page.status, "To the overview" in page.links) == (404, True)
    assert ada.send("GET", "/nowhere", Accept="application/json").json["code"] == "not_found"
    assert ada.send("GET", "/v1/nowhere").json["code"] == "not_found"
    answer = ada.send("PUT", "/overview")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_an_undecided_form_can_be_sent_again(app, ada, monkeypatch):
    from accounts_bank.errors import Unavailable

    account = ada.opened()
    ada.get(f"{account}/deposit")

    def fail(*_arguments, **_named):
        raise Unavailable("The store does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(app.extensions["accounts"].accounts._store, "append", fail)
        page = ada.fill("Pay in", amount="5")
        assert (page.status, "can safely send it again" in page.text) == (503, True)
    assert "Done." in ada.fill("Send it again").text
    assert ada.balance_of(account) == "€5.00"


def test_an_outage_of_the_store_is_shown_as_a_page(app, ada, monkeypatch):
    from accounts_bank.errors import Unavailable

    def fail(*_arguments, **_named):
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(app.extensions["accounts"].users._store, "users", fail)
    page = ada.get("/overview")
    assert (page.status, page.links["Try again"]) == (503, "/overview")


def test_no_secret_and_nothing_personal_is_in_any_log(app):
    visitor = Visitor(app)
    visitor.get("/sign-up")
    wish = {"username": f"u-{CANARY}", "password": CANARY, "full_name": CANARY}
    visitor.fill("Sign up", **wish)
    account = visitor.opened(CANARY, balance="50")
    visitor.get(f"{account}/withdraw")
    visitor.fill("Pay out", amount="1", reference=CANARY)
    visitor.get("/transfers/new")
    visitor.fill("Continue", to_account=CANARY, amount="1", reference=CANARY)
    visitor.get(f"{account}?text={CANARY}")
    visitor.get("/profile/password")
    visitor.fill("Change the password", current_password=CANARY, new_password=CANARY * 2)
    visitor.fill("Sign out")
    visitor.fill("Sign in", username=f"u-{CANARY}", password=CANARY)
    text = logs()
    assert "password_changed" in text
    assert CANARY not in text


def test_the_audit_log_is_filtered_and_shown_in_adjacent_pages(app, ada):
    account = ada.opened(balance="5")
    for turn in range(1, 31):
        ada.get(f"{account}/deposit")
        ada.fill("Pay in", amount=str(turn))
    auditor = Visitor(app).signed_in(AUDITOR)
    page = auditor.get("/audit?event=deposit&who=ada")
    found = re.findall(r"Line (\d+)", page.text)
    page = auditor.get(page.links["Older"])
    found += re.findall(r"Line (\d+)", page.text)
    assert len(found) == 31
    assert found == sorted(set(found), key=int, reverse=True)
    assert "No line matches" in auditor.get("/audit?event=deposit&who=auditor").text
    assert len(re.findall(r"Line \d+", auditor.get("/audit?text=registered&who=ada").text)) == 1


def test_without_cookies_the_root_redirects_to_the_docs():
    from accounts_bank.app import create_app

    made = create_app({"JWT_TOKEN_LOCATION": ["headers"], "LOG_FILE": "app.log"})
    assert made.test_client().get("/sign-in").status_code == 404
    opened = made.test_client().get("/", follow_redirects=True)
    assert (opened.status_code, opened.request.path) == (200, "/docs")
    made.extensions["accounts"].audit.close()
