"""The demo: a year of entries that ends today, the same for the same seed."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts_bank.app import create_app
from accounts_bank.errors import SettingsError
from accounts_bank.sandbox import demo
from tests.helpers import START, Http, Teller, code
from tests.stores.test_demo import written


@pytest.fixture
def bank():
    return Teller()


@pytest.fixture
def open_demo(passwords):
    """Open demos in memory, one after another."""
    opened = []

    def open_demo(**settings):
        close()
        app = create_app({"DEMO": True, "LOG_FILE": "app.log", **settings}, passwords=passwords)
        opened.append(app.extensions["accounts"])
        return Http(app)

    def close():
        while opened:
            opened.pop().audit.close()

    yield open_demo
    close()


def signed_in(bank: Http, name: str) -> Http:
    return bank.signed_in(name, demo.PASSWORD)


def everything(caller: Http, path: str) -> list[dict]:
    found: list[dict] = []
    cursor = ""
    while cursor is not None:
        page = caller("GET", f"{path}?limit=100{cursor and '&cursor=' + cursor}")
        assert page.status_code == 200, page.text
        found, cursor = found + page.json["data"], page.json["next_cursor"]
    return found


def history(bank: Http) -> list[tuple]:
    ada = signed_in(bank, "ada")
    accounts = everything(ada, "/v1/accounts")
    return [
        (account["name"], line["kind"], line["amount_minor"], line["reference"])
        for account in accounts
        for line in everything(ada, f"/v1/accounts/{account['id']}/lines")
    ]


def test_every_demo_user_can_sign_in(open_demo):
    bank = open_demo()
    for person in demo.PEOPLE:
        assert signed_in(bank, person.username)("GET", "/v1/users/me").json["role"] == person.role


def test_a_seed_gives_the_same_year_and_another_seed_another_one(open_demo, monkeypatch):
    monkeypatch.setattr("accounts_bank.app._now", lambda: START)
    monkeypatch.setattr("accounts_bank.app._steady_s", lambda: 0.0)
    year = history(open_demo())
    assert history(open_demo()) == year
    assert history(open_demo(DEMO_SEED=2)) != year


def test_the_demo_year_has_all_kinds_of_entries_and_ends_today(open_demo):
    ada = signed_in(open_demo(), "ada")
    accounts = everything(ada, "/v1/accounts")
    assert {account["currency"] for account in accounts} == {"EUR", "USD"}
    lines = everything(ada, f"/v1/accounts/{accounts[0]['id']}/lines")
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    now = datetime.now(UTC)
    assert times == sorted(times, reverse=True)
    assert now - timedelta(days=7) < times[0] <= now
    assert now - timedelta(days=367) < times[-1] < now - timedelta(days=363)
    assert {line["kind"] for line in lines} >= {"deposit", "transfer", "withdrawal", "reversal"}
    assert accounts[0]["held_minor"] > 0


def test_no_account_of_the_demo_runs_out_of_money_on_any_day_and_seed():
    for number in range(62):
        written(Teller(), START + timedelta(days=number, hours=number), seed=number)


def test_an_interrupted_demo_is_refused(bank):
    bank.users.add("ada", "hash")
    with pytest.raises(SettingsError, match="interrupted"):
        demo.is_written(bank.users)


def test_a_bank_without_the_demo_has_none_of_its_users(http):
    wish = {"username": "ada", "password": demo.PASSWORD}
    assert code(http("POST", "/v1/auth/login", wish)) == (401, "invalid_credentials")


def test_a_demo_starts_with_four_eyes(passwords):
    cash = {"EUR": 1}
    create_app(
        {"DEMO": True, "FOUR_EYES": True, "FOUR_EYES_CASH_ABOVE_MINOR": cash}, passwords=passwords
    ).extensions["accounts"].close()
