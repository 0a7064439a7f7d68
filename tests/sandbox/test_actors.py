"""Actors: payees with fixed numbers that act by the ordinary rules."""

import pytest

from tests.helpers import code
from tests.sandbox.conftest import NOW

NUMBERS = {
    "frozen": "DE95999000001951940370",
    "closed": "DE03999000008935102297",
    "captures_half": "DE60999000006547521834",
    "never_captures": "DE25999000004327815786",
    "sends_back": "DE27999000002158651019",
}


@pytest.fixture
def actors(bank):
    """Return the accounts of the actors by kind."""
    listed = bank.admin("GET", "/v1/sandbox/actors").json["data"]
    bank.accounts |= {each["kind"]: each["account"] for each in listed}
    return {each["kind"]: each["account"] for each in listed}


def test_each_bank_has_the_same_numbers(actors, make):
    assert {kind: account["number"] for kind, account in actors.items()} == NUMBERS
    other = make(seed=8).admin("GET", "/v1/sandbox/actors").json["data"]
    assert [each["account"] for each in other] == list(actors.values())


def test_the_actors_are_added_once(bank, actors):
    digest = bank.digest()
    assert bank.admin("GET", "/v1/sandbox/actors").status_code == 200
    assert bank.digest() == digest


def test_the_states_of_two_accounts_are_frozen_and_closed(bank, actors):
    assert {kind: account["status"] for kind, account in actors.items()} == {
        "frozen": "frozen",
        "closed": "closed",
        "captures_half": "open",
        "never_captures": "open",
        "sends_back": "open",
    }
    assert code(bank.send("ada", "closed", 1)) == (422, "account_closed")


def test_half_of_a_hold_is_captured_at_once(bank, actors):
    hold = bank.hold("ada", "captures_half", 101, 3_600)
    told = bank.people["ada"]("GET", f"/v1/holds/{hold['id']}").json
    assert (told["status"], told["captured_minor"]) == ("captured", 50)
    assert bank.balance_minor("ada") == 9_950


def test_a_hold_for_the_one_that_never_captures_expires(bank, actors):
    bank.hold("ada", "never_captures", 100, 3_600)
    assert [each["kind"] for each in bank.advance(by="PT1H")["fired"]] == ["hold"]
    assert bank.balance_minor("ada") == 10_000


def test_a_transfer_comes_back_a_day_later(bank, actors):
    for _ in range(2):
        assert bank.send("ada", "sends_back", 70, key="once").status_code == 201
    assert bank.clock()["next_due"] == "2026-02-01T00:00:00Z"
    assert bank.balance_minor("ada") == 9_930
    fired = bank.advance(by="P2D")["fired"]
    assert [(each["at"], each["status"]) for each in fired] == [
        ("2026-02-01T00:00:00Z", "recorded")
    ]
    assert bank.balance_minor("ada") == 10_000
    assert bank.admin("GET", "/v1/sandbox/integrity").json["ok"]


def test_a_scheduled_transfer_comes_back_too(bank, actors):
    bank.schedule("ada", "sends_back", 70, first_at=NOW, every="once")
    assert [each["status"] for each in bank.advance(by="P2D")["fired"]] == ["recorded"] * 2
    assert bank.balance_minor("ada") == 10_000
