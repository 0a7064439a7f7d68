"""Snapshots and reset: the same calls give the same answers, ids and digest."""

from time import perf_counter

import pytest

from accounts_bank.errors import SettingsError
from accounts_bank.observability.observer import Observer
from accounts_bank.sandbox.digest import digest
from accounts_bank.stores.factory import copy_snapshot, open_stores
from tests.helpers import code


def script(bank):
    """Make some calls; answer everything that they tell."""
    hold = bank.hold("ada", "ben", 100, 3_600)
    bank.schedule("ben", "ada", 600, first_at="2026-02-01", every="once")
    sent = bank.send("ada", "ben", 30, key="rent").json
    opened = bank.people["ben"].opened(currency="USD")
    told = bank.advance(by="P1M")
    return hold, sent, opened, told, bank.digest()


def restore(bank, name):
    answer = bank.admin("POST", f"/v1/sandbox/snapshots/{name}/restore")
    assert answer.status_code == 200, answer.text
    return answer.json


def reset(bank, to):
    answer = bank.admin("POST", "/v1/sandbox/reset", {"to": to})
    assert answer.status_code == 200, answer.text
    return answer.json


def take(bank, name):
    answer = bank.admin("PUT", f"/v1/sandbox/snapshots/{name}")
    assert answer.status_code == 201, answer.text


def test_a_restore_followed_by_the_same_calls_gives_the_same_answers(bank, app):
    bank.send("ada", "ben", 5)
    take(bank, "start")
    first = script(bank)
    restore(bank, "start")
    assert script(bank) == first
    own = app.extensions["accounts.banks"]._entries[bank.id].bank
    assert own.verifier.verify().ok


def test_a_reset_to_the_seed_gives_the_bank_as_it_was_made(bank, make):
    made = bank.digest()
    script(bank)
    assert reset(bank, "seed")["now"] == "2026-01-31T00:00:00Z"
    assert bank.digest() == made
    assert bank.people["ada"]("GET", "/v1/accounts").status_code == 200


def test_an_empty_bank_keeps_its_admin_alone(bank, make):
    reset(bank, "empty")
    assert bank.digest() == make(users=[]).digest()
    assert code(bank.people["ada"]("GET", "/v1/accounts")) == (401, "invalid_token")
    reset(bank, "seed")
    assert bank.people["ada"]("GET", "/v1/accounts").status_code == 200


def test_an_account_of_an_earlier_state_has_its_new_owner_alone(bank):
    take(bank, "start")
    adas = bank.people["ada"].opened(10)
    restore(bank, "start")
    bens = bank.people["ben"].opened(10)
    assert adas["id"] == bens["id"]
    ends = bens, bank.accounts["ada"]
    assert bank.people["ada"].transfer(*ends, 1).status_code == 404
    assert bank.people["ben"].transfer(*ends, 1).status_code == 201


def test_a_bank_begins_with_a_snapshot_and_tokens_for_its_people(bank, app):
    from tests.sandbox.conftest import SandboxBank

    bank.send("ada", "ben", 30)
    take(bank, "start")
    made = bank.admin("POST", "/v1/sandbox/banks", {"snapshot": "start"})
    assert made.status_code == 201
    fork = SandboxBank(app, made.json)
    assert fork.balance_minor("ben") == 530
    assert fork.digest() == bank.digest()
    fork.send("ada", "ben", 30)
    assert (bank.balance_minor("ben"), fork.balance_minor("ben")) == (530, 560)


def test_a_downloaded_snapshot_loads_into_a_database(bank, tmp_path):
    script(bank)
    take(bank, "start")
    answer = bank.admin("GET", "/v1/sandbox/snapshots/start")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="start.snapshot"'
    file, url = tmp_path / "start.snapshot", f"sqlite:///{tmp_path}/bank.db"
    file.write_bytes(answer.data)
    assert list(copy_snapshot(file, url))
    stores = open_stores(url, Observer())
    try:
        assert digest(stores.users, stores.accounts) == bank.digest()
    finally:
        stores.close()


@pytest.mark.parametrize("damage", [lambda text: text[:-9], lambda text: text[9:], lambda _: b"{}"])
def test_a_damaged_snapshot_is_refused_with_a_sentence(bank, tmp_path, damage):
    file = tmp_path / "seed.snapshot"
    file.write_bytes(damage(bank.admin("GET", "/v1/sandbox/snapshots/seed").data))
    with pytest.raises(SettingsError, match="no whole snapshot"):
        list(copy_snapshot(file, f"sqlite:///{tmp_path}/bank.db"))


def test_a_changed_snapshot_is_refused(bank, tmp_path):
    text = bank.admin("GET", "/v1/sandbox/snapshots/seed").data
    file = tmp_path / "seed.snapshot"
    file.write_bytes(text.replace(b'"username":"ada"', b'"username":"eve"'))
    with pytest.raises(SettingsError, match="no whole snapshot"):
        list(copy_snapshot(file, f"sqlite:///{tmp_path}/bank.db"))


def test_a_snapshot_is_deleted(bank):
    take(bank, "start")
    assert bank.admin("DELETE", "/v1/sandbox/snapshots/start").status_code == 204
    for method, path in (("DELETE", ""), ("POST", "/restore")):
        answer = bank.admin(method, f"/v1/sandbox/snapshots/start{path}")
        assert code(answer) == (404, "not_found")


@pytest.mark.parametrize("name", ["seed", "empty", "a b", "x" * 65])
def test_a_name_that_is_taken_or_faulty_is_refused(bank, name):
    answer = bank.admin("PUT", f"/v1/sandbox/snapshots/{name}")
    assert code(answer) == (400, "invalid_request")


def test_snapshots_are_bounded(bank, monkeypatch):
    monkeypatch.setattr("accounts_bank.sandbox.control.SNAPSHOTS_MAX", 1)
    take(bank, "one")
    take(bank, "one")
    answer = bank.admin("PUT", "/v1/sandbox/snapshots/two")
    assert code(answer) == (429, "sandbox_full")


def test_the_first_bank_is_reset_to_its_start(app, http):
    before = http("GET", "/v1/sandbox/digest").json
    ada = http.joined("ada")
    assert http("GET", "/v1/sandbox/digest").json != before
    http("POST", "/v1/sandbox/reset", {"to": "seed"})
    assert http("GET", "/v1/sandbox/digest").json == before
    assert code(ada("GET", "/v1/accounts")) == (401, "invalid_token")


def test_a_reset_copies_no_value(bank, app):
    own = app.extensions["accounts.banks"]._entries[bank.id].bank
    for _ in range(250):
        bank.send("ada", "ben", 1)
    take(bank, "full")
    entries = own.accounts._store._store._store._entries
    restore(bank, "full")
    restored = own.accounts._store._store._store._entries
    assert all(restored[each] is entries[each] for each in entries)
    began_s = perf_counter()
    own.sandbox.restore("full")
    assert perf_counter() - began_s < 0.5
