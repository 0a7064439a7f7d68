"""Sign up, sign in, stay signed in, sign out: sessions in cookies, safe from other sites."""

import pytest
from flask import Flask
from msgspec.structs import replace

from accounts_bank.server.gateway import HASHING_PATHS, _hashes
from tests.helpers import PASSWORD, Http
from tests.web.visitor import Visitor


def cookies(visitor: Visitor) -> dict:
    return {each.key: each for each in visitor.client._cookies.values()}


def session_ends(app: Flask, username: str) -> None:
    """End all sessions of a user, as a change of the password elsewhere does."""
    users = app.extensions["accounts"].users
    (user,) = users.find(username)
    users._change(user, lambda now: replace(now, sessions=()), "logout")


def access_token_runs_out(visitor: Visitor) -> None:
    visitor.client.delete_cookie("access_token_cookie", domain="localhost")


def test_a_browser_is_led_to_sign_in_and_from_there_to_sign_up(app):
    stranger = Visitor(app)
    page = stranger.get("/")
    assert page.path.startswith("/sign-in")
    assert page.links["Sign up"] == "/sign-up"
    assert page.links["the API"] == "/docs"


@pytest.mark.parametrize(("count", "status"), [(16_000, 422), (17_000, 413)])
def test_a_form_has_64_kib_at_most(app, count, status):
    assert sent_form(app, "/sign-in", count).status_code == status


def test_a_stranger_is_led_to_sign_in_without_what_is_too_much_to_keep(app):
    answer = sent_form(app, "/transfers/new", 17_000)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Ftransfers%2Fnew&why=ended"


def sent_form(app: Flask, path: str, count: int):
    form, kind = b"a=1&" * count, "application/x-www-form-urlencoded"
    headers = {"Accept": "text/html"}
    return app.test_client().post(path, data=form, content_type=kind, headers=headers)


def test_who_signs_up_is_signed_in_and_greeted_by_name(app):
    page = Visitor(app).joined("ada", "Ada Lovelace").page
    assert "Hello, Ada Lovelace" in page.text
    assert page.links["Open an account"] == "/accounts/new"


def test_who_signs_up_twice_with_one_form_has_one_user_and_is_signed_in(app):
    ada = Visitor(app)
    ada.get("/sign-up")
    fields = {"username": "ada", "password": PASSWORD}
    assert ada.sent("Sign up", **fields).headers["Location"] == "/overview"
    assert ada.sent("Sign up", **fields).headers["Location"] == "/overview"
    assert ada.get("/overview").status == 200


def test_somebody_elses_username_is_taken(app, ada):
    eve = Visitor(app)
    eve.get("/sign-up")
    page = eve.fill("Sign up", username="ADA", password="another password")
    assert (page.status, page.errors) == (422, {"username": "That username is taken."})


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(app):
    stranger = Visitor(app)
    stranger.get("/sign-up")
    page = stranger.fill("Sign up", username="ada", password="short")
    assert page.errors == {"password": "A password has 8 to 256 characters."}
    assert page.form("Sign up").fields["username"] == "ada"
    assert page.form("Sign up").fields["password"] == ""
    assert 'aria-invalid="true" aria-describedby="password-error password-hint"' in page.html


def test_a_wrong_password_says_no_more_than_the_api_does(app, ada):
    for username in ("ada", "nobody"):
        stranger = Visitor(app)
        stranger.get("/sign-in")
        page = stranger.fill("Sign in", username=username, password="wrong password")
        assert page.errors == {"password": "The username or the password is wrong."}


def test_too_many_failures_have_to_wait(app, ada):
    stranger = Visitor(app)
    stranger.get("/sign-in")
    for _ in range(10):
        stranger.fill("Sign in", username="ada", password="wrong password")
    page = stranger.fill("Sign in", username="ada", password=PASSWORD)
    assert "Too many requests" in page.text


def test_scripts_cannot_read_the_cookies_and_other_sites_cannot_send_them(ada):
    found = cookies(ada)
    assert found.keys() == {"access_token_cookie", "refresh_token_cookie"}
    for cookie in found.values():
        assert cookie.http_only
        assert cookie.same_site == "Lax"
        assert cookie.max_age is None


@pytest.mark.parametrize(
    ("base", "secure"),
    [
        ("https://bank.example", True),
        ("http://localhost", False),
        ("http://localhost:5000", False),
        ("http://127.0.0.1:5000", False),
        ("http://[::1]:5000", False),
        ("https://localhost.evil.example", True),
    ],
)
def test_cookies_go_over_tls_alone_but_on_ones_own_machine(app, base, secure):
    visitor = Visitor(app, base=base).joined("cleo")
    assert all(cookie.secure is secure for cookie in cookies(visitor).values())


def test_a_browser_that_drops_the_cookies_is_told_why(app, ada):
    visitor = Visitor(app, base="http://192.168.0.5:5000")
    visitor.get("/sign-in")
    answer = visitor.sent("Sign in", username="ada", password=PASSWORD)
    for name in cookies(visitor):
        visitor.client.delete_cookie(name, domain="192.168.0.5")
    assert "cookies work on localhost only" in visitor.get(answer.headers["Location"]).text


def test_behind_a_proxy_that_nobody_told_of_signing_in_leads_on(app, ada):
    visitor = Visitor(app, base="http://bank.example")
    visitor.get("/sign-in")
    answer = visitor.sent("Sign in", username="ada", password=PASSWORD)
    visitor.base = "https://bank.example"
    assert visitor.get(answer.headers["Location"]).path == "/overview"


def test_a_cookie_opens_nothing_at_v1(ada):
    assert ada.send("GET", "/v1/users/me").status_code == 401
    assert ada.send("GET", "/v1/accounts").status_code == 401
    assert ada.send("POST", "/v1/auth/refresh").status_code == 401


def test_the_tokens_of_the_pages_open_nothing_at_v1_and_the_other_way_round(app, ada):
    found = cookies(ada)
    http = Http(app, found["access_token_cookie"].value)
    assert http("GET", "/v1/users/me").status_code == 401
    http = Http(app, found["refresh_token_cookie"].value)
    assert http("POST", "/v1/auth/refresh").status_code == 401
    api, stranger = Http(app).signed_in("ada"), Visitor(app)
    stranger.client.set_cookie("access_token_cookie", api.token)
    stranger.client.set_cookie("refresh_token_cookie", api.refresh_token)
    assert stranger.get("/overview").path.startswith("/sign-in")


def test_nobody_is_thrown_out_when_the_access_token_runs_out(ada):
    account = ada.opened(balance="10")
    ada.get(f"{account}/withdraw")
    access_token_runs_out(ada)
    page = ada.fill("Pay out", amount="4")
    assert "Done." in page.text
    assert "access_token_cookie" in cookies(ada)


def test_two_requests_at_once_with_an_old_access_token_both_go_on(ada):
    access_token_runs_out(ada)
    refresh = cookies(ada)["refresh_token_cookie"].value
    for _ in range(2):
        access_token_runs_out(ada)
        ada.client.set_cookie("refresh_token_cookie", refresh)
        assert ada.get("/overview").path == "/overview"


def test_a_session_that_ends_leads_to_sign_in_and_back(app, ada):
    account = ada.opened()
    session_ends(app, "ada")
    page = ada.get(f"{account}?way=in")
    assert "Sign in to see that page" in page.text
    page = ada.fill("Sign in", username="ada", password=PASSWORD)
    assert page.path == f"{account}?way=in"


def test_a_session_that_ends_in_mid_form_loses_nothing_and_does_nothing(app, ada):
    account = ada.opened()
    ada.get(f"{account}/deposit")
    session_ends(app, "ada")
    page = ada.fill("Pay in", amount="12.50", reference="Birthday")
    assert "was not processed" in page.text
    page = ada.fill("Sign in", username="ada", password=PASSWORD)
    kept = page.form("Pay in").fields
    assert (kept["amount"], kept["reference"]) == ("12.50", "Birthday")
    assert "Done." in ada.fill("Pay in").text
    assert ada.balance_of(account) == "€12.50"


def test_no_password_ever_stands_in_an_address(app, ada):
    ada.get("/profile/password")
    session_ends(app, "ada")
    answer = ada.sent(
        "Change the password", current_password="secret one", new_password="secret two"
    )
    assert "secret" not in answer.headers["Location"]
    assert answer.headers["Location"].startswith("/sign-in?next=%2Fprofile%2Fpassword&")


@pytest.mark.parametrize(
    "where",
    ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/\t/evil.example", ""],
)
def test_back_is_never_another_site(app, ada, where):
    stranger = Visitor(app)
    fields = {"username": "ada", "password": PASSWORD, "next": where}
    assert stranger.send("POST", "/sign-in", fields).headers["Location"] == "/overview"


def test_another_site_signs_nobody_in(app, ada):
    stranger = Visitor(app)
    fields = {"username": "ada", "password": PASSWORD}
    answer = stranger.send("POST", "/sign-in", fields, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert not cookies(stranger)


def test_a_form_without_the_sessions_secret_does_nothing(ada):
    account = ada.opened()
    for secret in ({}, {"csrf_token": ""}, {"csrf_token": "forged"}):
        answer = ada.send("POST", f"{account}/deposit", {"amount": "5", **secret})
        assert answer.status_code == 403
        assert "Nothing was done" in answer.text
    assert ada.balance_of(account) == "€0.00"


def test_a_form_of_another_session_is_shown_again_as_it_was_filled_in(ada):
    account = ada.opened()
    page = ada.get(f"{account}/deposit")
    form = page.form("Pay in").fields | {"amount": "5", "csrf_token": "of another session"}
    ada.page = None
    answer = ada.send("POST", f"{account}/deposit", form)
    assert "amount=5" in answer.text
    assert "csrf_token=" not in answer.text


def test_who_signs_out_is_out_however_often_it_is_said(ada):
    page = ada.page
    assert "You are signed out" in ada.fill("Sign out").text
    assert not cookies(ada)
    ada.page = page
    assert "You are signed out" in ada.fill("Sign out").text
    assert ada.get("/overview").path.startswith("/sign-in")


def test_signing_out_kills_the_tokens_themselves(ada):
    kept = {name: cookie.value for name, cookie in cookies(ada).items()}
    ada.fill("Sign out")
    for name, value in kept.items():
        ada.client.set_cookie(name, value)
    assert ada.get("/overview").path.startswith("/sign-in")


def test_what_hashes_a_password_has_threads_of_its_own_and_shows_its_form_without(app):
    urls = app.url_map.bind("localhost")
    for path in HASHING_PATHS:
        assert urls.match(path, method="POST")
        assert _hashes({"REQUEST_METHOD": "POST", "PATH_INFO": path})
        assert not _hashes({"REQUEST_METHOD": "GET", "PATH_INFO": path})
