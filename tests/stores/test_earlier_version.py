"""A bank of version 0.1.0 opens in this one.

The files in `data/` were made by that version over HTTP: users, accounts, transfers, refusals,
holds, a bulk, schedules and a reversal, on SQLite, on PostgreSQL and on MongoDB (dumps).
"""

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from accounts_bank.app import create_app, upgrade
from accounts_bank.config import load_settings
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.factory import open_stores, upgrade_stores
from tests.helpers import Http
from tests.stores.earlier_mongo import restore, write_log

DATA = Path(__file__).parent / "data"
MADE_AT = datetime(2026, 11, 29, tzinfo=UTC)
"""A moment after both were made: its hold is open, and its schedules wait."""
KEY, REFUSED_KEY = "rent-2026-01", "too-much"


COUNTS = {"sqlite": (6, 3, 26), "postgresql": (6, 3, 26), "mongodb": (7, 3, 27)}
"""The accounts, the customers and the entries of each bank."""


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def url(request, tmp_path):
    if request.param == "mongo":
        url = request.getfixturevalue("mongo").url("earlier")
        restore(url)
        write_log(tmp_path)
        upgrade(load_settings({"STORE_URL": url}))
        return url
    if request.param == "sqlite":
        shutil.copy(DATA / "bank_0_1_0.db", tmp_path / "bank.db")
        url = f"sqlite:///{tmp_path}/bank.db"
        upgrade_stores(url)
        return url
    url = request.getfixturevalue("postgres").database("earlier")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((DATA / "bank_0_1_0.sql").read_bytes())
    upgrade_stores(url)
    return url


@pytest.fixture
def http(url):
    app = create_app({"STORE_URL": url}, clock=lambda: MADE_AT)
    yield Http(app)
    app.extensions["accounts"].close()


@pytest.fixture
def ada(http):
    return http.signed_in("ada")


@pytest.fixture
def rent(ada):
    (found,) = [
        each
        for each in ada("GET", "/v1/transfers?limit=100").json["data"]
        if each["reference"] == "rent"
    ]
    return found


def send(ada, rent, amount_minor: int, **more):
    payer, payee = {"id": rent["from_account_id"]}, {"number": rent["to_account_number"]}
    return ada.transfer(payer, payee, amount_minor, **more)


def test_its_books_are_right(url):
    with closing(open_stores(url, Observer())) as stores, stores.accounts.ledger() as ledger:
        counts = prove(ledger)
    found = counts.accounts, counts.customers, counts.entries
    assert found == COUNTS[url.partition(":")[0]]


def test_its_users_sign_in_with_their_passwords(http):
    for username in ("ada", "bob", "cyd", "teller", "auditor", "admin"):
        assert http.signed_in(username)("GET", "/v1/users/me").json["username"] == username


def test_it_serves_a_payment(http, ada, rent):
    bob = http.signed_in("bob")
    sent = send(ada, rent, 5, reference="new")
    assert sent.status_code == 201, sent.text
    received = bob("GET", f"/v1/transfers/{sent.json['id']}")
    assert (received.status_code, received.json["amount_minor"]) == (200, 5)


def test_an_old_idempotency_key_is_replayed(ada, rent):
    again = send(ada, rent, 1_000, key=KEY, reference="rent")
    assert (again.status_code, again.json["id"]) == (201, rent["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    refused = send(ada, rent, 99_999, key=REFUSED_KEY)
    assert (refused.status_code, refused.json["code"]) == (422, "funds_insufficient")
    assert send(ada, rent, 1_001, key=KEY).json["code"] == "key_reused"


def test_its_holds_and_schedules_go_on(ada, http):
    (hold,) = [each for each in ada("GET", "/v1/holds").json["data"] if each["status"] == "open"]
    captured = http.signed_in("bob")("POST", f"/v1/holds/{hold['id']}/capture")
    assert captured.status_code == 200, captured.text
    (once,) = [
        each for each in ada("GET", "/v1/schedules").json["data"] if each["amount_minor"] == 9
    ]
    assert ada("DELETE", f"/v1/schedules/{once['id']}").status_code == 204


def test_its_usernames_are_kept_from_look_alikes(http, url):
    for name in ("b0b", "adrnin"):
        answer = http("POST", "/v1/users", {"username": name, "password": "correct horse"})
        assert (answer.status_code, answer.json["code"]) == (409, "username_taken")


def test_its_sessions_have_ended(url):
    with closing(open_stores(url, Observer())) as stores:
        assert {user.sessions for user in stores.users.users_after("", limit=100)} == {()}
