"""Sign-up, sign-in and sign-out: sessions in cookies and their protection."""

import pytest
from flask import Flask
from msgspec.structs import replace

from accounts_bank.http.guard import hashes_password, hashing_matcher
from accounts_bank.server.gateway import Gateway
from accounts_bank.web import devices
from tests.helpers import PASSWORD, Http
from tests.web.visitor import Visitor


def cookies(visitor: Visitor) -> dict:
    """Return the cookies of the session by name; the mark of a known device is no part of it."""
    kept = visitor.client._cookies.values()
    return {each.key: each for each in kept if each.key != devices.COOKIE}


def session_ends(app: Flask, username: str) -> None:
    """End all sessions of a user, as a password change on another device does."""
    users = app.extensions["accounts"].users
    (user,) = users.find(username)
    users._changes.change(user, lambda now: replace(now, sessions=()), "logout")


def access_token_runs_out(visitor: Visitor) -> None:
    visitor.client.delete_cookie("access_token_cookie", domain="localhost")


def test_a_browser_is_redirected_to_sign_in_which_links_to_sign_up(app):
    stranger = Visitor(app)
    page = stranger.get("/")
    assert page.path.startswith("/sign-in")
    assert page.links["Sign up"] == "/sign-up"
    assert page.links["the API"] == "/docs"


@pytest.mark.parametrize(("count", "status"), [(16_000, 422), (17_000, 413)])
def test_a_form_has_64_kib_at_most(app, count, status):
    assert sent_form(app, "/sign-in", count).status_code == status


def test_a_too_large_form_is_not_kept_for_after_sign_in(app):
    answer = sent_form(app, "/transfers/new", 17_000)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Ftransfers%2Fnew&why=ended"


def sent_form(app: Flask, path: str, count: int):
    form, kind = b"a=1&" * count, "application/x-www-form-urlencoded"
    headers = {"Accept": "text/html"}
    return app.test_client().post(path, data=form, content_type=kind, headers=headers)


def test_sign_up_starts_a_session_and_greets_by_name(app):
    page = Visitor(app).joined("ada", "Ada Lovelace").page
    assert "Hello, Ada Lovelace" in page.text
    assert page.links["Open an account"] == "/accounts/new"


def test_a_sign_up_form_sent_twice_adds_one_user(app):
    ada = Visitor(app)
    ada.get("/sign-up")
    fields = {"username": "ada", "password": PASSWORD}
    assert ada.sent("Sign up", **fields).headers["Location"] == "/overview"
    assert ada.sent("Sign up", **fields).headers["Location"] == "/overview"
    assert ada.get("/overview").status == 200


def test_the_username_of_another_user_is_taken(app, ada):
    eve = Visitor(app)
    eve.get("/sign-up")
    page = eve.fill("Sign up", username="ADA", password="another password")
    assert (page.status, page.errors) == (
        422,
        {"username": "Another user has that username. Choose another one."},
    )


def test_an_error_is_beside_its_field_and_the_form_keeps_its_values(app):
    stranger = Visitor(app)
    stranger.get("/sign-up")
    page = stranger.fill("Sign up", username="ada", password="short")
    assert page.errors == {"password": "A password has 8 to 256 characters."}
    assert page.form("Sign up").fields["username"] == "ada"
    assert page.form("Sign up").fields["password"] == ""
    assert 'aria-invalid="true" aria-describedby="password-error password-hint"' in page.html


def test_a_weak_password_is_told_beside_its_field_with_the_advised_length(app):
    stranger = Visitor(app)
    stranger.get("/sign-up")
    page = stranger.fill("Sign up", username="ada", password="password1")
    assert page.status == 422
    assert page.errors["password"].startswith("This password is one of the most common ones.")
    assert "15 or more are better" in page.text


def test_a_wrong_password_reveals_no_more_than_the_api(app, ada):
    for username in ("ada", "nobody"):
        stranger = Visitor(app)
        stranger.get("/sign-in")
        page = stranger.fill("Sign in", username=username, password="wrong password")
        assert page.errors == {"password": "The username or the password is wrong."}


def test_too_many_failed_sign_ins_are_limited(app, ada):
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
def test_cookies_need_tls_except_on_localhost(app, base, secure):
    visitor = Visitor(app, base=base).joined("cleo")
    assert all(cookie.secure is secure for cookie in cookies(visitor).values())


def test_a_browser_that_drops_the_cookies_sees_the_reason(app, ada):
    visitor = Visitor(app, base="http://192.168.0.5:5000")
    visitor.get("/sign-in")
    answer = visitor.sent("Sign in", username="ada", password=PASSWORD)
    for name in cookies(visitor):
        visitor.client.delete_cookie(name, domain="192.168.0.5")
    assert "cookies work on localhost only" in visitor.get(answer.headers["Location"]).text


def test_sign_in_works_behind_an_unconfigured_proxy(app, ada):
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


def test_an_expired_access_token_is_renewed(ada):
    account = ada.opened(balance="10")
    ada.get(f"{account}/withdraw")
    access_token_runs_out(ada)
    page = ada.fill("Pay out", amount="4")
    assert "Done." in page.text
    assert "access_token_cookie" in cookies(ada)


def test_two_concurrent_requests_with_an_expired_access_token_succeed(ada):
    access_token_runs_out(ada)
    refresh = cookies(ada)["refresh_token_cookie"].value
    for _ in range(2):
        access_token_runs_out(ada)
        ada.client.set_cookie("refresh_token_cookie", refresh)
        assert ada.get("/overview").path == "/overview"


def test_an_ended_session_redirects_to_sign_in_and_back(app, ada):
    account = ada.opened()
    session_ends(app, "ada")
    page = ada.get(f"{account}?way=in")
    assert "Sign in to see that page" in page.text
    page = ada.fill("Sign in", username="ada", password=PASSWORD)
    assert page.path == f"{account}?way=in"


def test_a_form_of_an_ended_session_is_kept_and_not_processed(app, ada):
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


def test_no_address_contains_a_password(app, ada):
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
def test_the_return_address_is_never_another_site(app, ada, where):
    stranger = Visitor(app)
    fields = {"username": "ada", "password": PASSWORD, "next": where}
    assert stranger.send("POST", "/sign-in", fields).headers["Location"] == "/overview"


def test_a_form_of_another_site_starts_no_session(app, ada):
    stranger = Visitor(app)
    fields = {"username": "ada", "password": PASSWORD}
    for foreign in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:5001"},
        {"Origin": "http://localhost.evil.example", "Sec-Fetch-Site": "same-origin"},
    ):
        for path in ("/sign-in", "/sign-up"):
            assert stranger.send("POST", path, fields, **foreign).status_code == 403
    assert not cookies(stranger)
    for origin in ("http://localhost", "null"):
        own = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        assert stranger.send("POST", "/sign-in", fields, **own).status_code == 303


def test_a_form_of_another_site_ends_no_session_and_moves_nothing(ada):
    account = ada.opened()
    page = ada.get(f"{account}/deposit")
    fields = page.form("Pay in").fields | {"amount": "5"}
    foreign = {"Origin": "https://evil.example"}
    assert ada.send("POST", f"{account}/deposit", fields, **foreign).status_code == 403
    secret = {"csrf_token": fields["csrf_token"]}
    assert ada.send("POST", "/sign-out", secret, **foreign).status_code == 403
    assert ada.balance_of(account) == "\u20ac0.00"


def test_an_answer_deletes_cookies_only_for_a_request_that_has_them(app, ada):
    assert "Set-Cookie" not in Visitor(app).send("GET", "/sign-out").headers
    assert "Set-Cookie" not in Visitor(app).send("POST", "/sign-out").headers
    assert len(ada.sent("Sign out").headers.getlist("Set-Cookie")) == 2


@pytest.mark.parametrize(
    ("base", "names"),
    [
        ("https://bank.example", ["__Host-access_token_cookie", "__Host-refresh_token_cookie"]),
        ("https://localhost:5000", ["__Host-access_token_cookie", "__Host-refresh_token_cookie"]),
        ("http://localhost:5000", ["access_token_cookie_5000", "refresh_token_cookie_5000"]),
        ("http://[::1]:5001", ["access_token_cookie_5001", "refresh_token_cookie_5001"]),
    ],
)
def test_cookies_of_two_banks_on_one_host_have_different_names(app, base, names):
    found = cookies(Visitor(app, base=base).joined("cleo"))
    assert sorted(found) == names
    for cookie in found.values():
        assert (cookie.path, cookie.secure) == ("/", base.startswith("https"))


def test_a_form_without_the_secret_is_refused(ada):
    account = ada.opened()
    for secret in ({}, {"csrf_token": ""}, {"csrf_token": "forged"}):
        answer = ada.send("POST", f"{account}/deposit", {"amount": "5", **secret})
        assert answer.status_code == 403
        assert "Nothing was done" in answer.text
    assert ada.balance_of(account) == "€0.00"


def test_a_form_of_another_session_is_shown_again_with_its_values(ada):
    account = ada.opened()
    page = ada.get(f"{account}/deposit")
    form = page.form("Pay in").fields | {"amount": "5", "csrf_token": "of another session"}
    ada.page = None
    answer = ada.send("POST", f"{account}/deposit", form)
    assert "amount=5" in answer.text
    assert "csrf_token=" not in answer.text


def test_a_repeated_sign_out_is_harmless(ada):
    page = ada.page
    assert "You are signed out" in ada.fill("Sign out").text
    assert not cookies(ada)
    ada.page = page
    assert "You are signed out" in ada.fill("Sign out").text
    assert ada.get("/overview").path.startswith("/sign-in")


def test_sign_out_revokes_the_tokens(ada):
    kept = {name: cookie.value for name, cookie in cookies(ada).items()}
    ada.fill("Sign out")
    for name, value in kept.items():
        ada.client.set_cookie(name, value)
    assert ada.get("/overview").path.startswith("/sign-in")


@pytest.mark.parametrize(
    ("method", "path", "hashes"),
    [
        ("POST", "/sign-up", True),
        ("POST", "/sign-in", True),
        ("POST", "/profile/password", True),
        ("POST", "/profile/delete", True),
        ("POST", "/v1/auth/login", True),
        ("POST", "/v1/users", True),
        ("POST", "/v1/users/me/password", True),
        ("GET", "/sign-in", False),
        ("POST", "/v1/accounts", False),
        ("POST", "//v1/auth/login", True),
        ("POST", "/v1/auth/login/", False),
        ("POST", "/nowhere\xc3", False),
    ],
)
def test_only_posts_that_hash_a_password_use_the_hashing_threads(app, method, path, hashes):
    gateway = Gateway(
        app, threads=1, hashing_threads=1, close=lambda: None, hashes=hashing_matcher(app)
    )
    assert gateway._hashes({"REQUEST_METHOD": method, "PATH_INFO": path}) is hashes


def test_a_hashing_route_with_an_id_in_its_path_uses_the_hashing_threads(app):
    @hashes_password
    def view(user_id):
        return user_id

    app.add_url_rule("/people/<user_id>/password", "new", view, methods=["POST"])
    matches = hashing_matcher(app)
    assert matches({"REQUEST_METHOD": "POST", "PATH_INFO": "/people/7/password"})
    assert not matches({"REQUEST_METHOD": "POST", "PATH_INFO": "/people/7/8/password"})


def test_a_browser_that_signed_in_before_is_not_kept_out_by_guesses(app):
    def typed(visitor, password):
        return visitor.client.post("/sign-in", data={"username": "ada", "password": password})

    ada, stranger = Visitor(app), Visitor(app)
    ada.get("/sign-up")
    ada.fill("Sign up", username="ada", password=PASSWORD)
    ada.fill("Sign out")
    for _ in range(11):
        typed(stranger, "wrong guess")
    assert "Too many requests" in typed(stranger, PASSWORD).text
    assert typed(ada, PASSWORD).status_code == 303
