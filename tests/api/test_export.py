"""Everything of a user as one ZIP."""

import csv
import io
import json
import zipfile
from itertools import count

from accounts_bank.api import export
from tests.helpers import code


def archive(caller) -> zipfile.ZipFile:
    answer = caller("GET", "/v1/users/me/export")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    found = zipfile.ZipFile(io.BytesIO(answer.data))
    assert found.testzip() is None
    return found


def test_it_has_everything_of_the_user_as_json_and_csv(http):
    ada, bob = http.joined("ada"), http.joined("bob")
    account, other = ada.opened(10_000), bob.opened()
    sent = [ada.transfer(account, other, 100 + each, reference=f"rent {each}") for each in range(3)]
    hold = {"from_account": account["id"], "to_account": other["number"], "amount_minor": 5}
    ada("POST", "/v1/holds", hold | {"currency": "EUR"})
    found = archive(ada)
    assert json.loads(found.read("user.json"))["username"] == "ada"
    (session,) = json.loads(found.read("sessions.json"))
    assert session["current"] is True
    transfers = json.loads(found.read("transfers.json"))
    assert [each["id"] for each in transfers] == [each.json["id"] for each in reversed(sent)]
    rows = list(csv.DictReader(io.StringIO(found.read("transfers.csv").decode())))
    assert [row["reference"] for row in rows] == ["rent 2", "rent 1", "rent 0"]
    assert len(json.loads(found.read("accounts.json"))) == 1
    assert len(json.loads(found.read("holds.json"))) == 1
    assert json.loads(found.read("schedules.json")) == []
    statement = json.loads(found.read(f"statements/{account['number']}.json"))
    assert [line["amount_minor"] for line in statement["lines"]] == [10_000, -100, -101, -102]
    assert f"statements/{account['number']}.csv" in found.namelist()


def test_it_has_nothing_of_another_user(http):
    ada, bob = http.joined("ada"), http.joined("bob")
    account, other = ada.opened(100), bob.opened(77)
    ada.transfer(account, other, 1)
    found = archive(ada)
    everything = b"".join(map(found.read, found.namelist()))
    assert other["number"].encode() in everything  # the payee of a transfer
    assert not [name for name in found.namelist() if other["number"] in name]
    assert b"bob" not in everything
    assert b"argon2" not in everything


def test_a_formula_in_a_reference_is_harmless_in_the_csv(http):
    ada = http.joined("ada")
    account, other = ada.opened(100), ada.opened()
    ada.transfer(account, other, 1, reference="=1+1")
    rows = list(csv.DictReader(io.StringIO(archive(ada).read("transfers.csv").decode())))
    assert [row["reference"] for row in rows] == ["'=1+1"]


def test_pages_are_read_one_by_one(http, monkeypatch):
    monkeypatch.setattr(export, "PAGE_ITEMS", 2)
    ada = http.joined("ada")
    accounts = [ada.opened(100) for _ in range(3)]
    for each in range(5):
        ada.transfer(accounts[0], accounts[1], each + 1)
    found = archive(ada)
    assert len(json.loads(found.read("accounts.json"))) == 3
    assert [each["amount_minor"] for each in json.loads(found.read("transfers.json"))] == [
        *range(5, 0, -1)
    ]


def test_a_large_file_leaves_in_chunks(app, http):
    clock = app.extensions["accounts"].clock
    numbers = count()
    chunks = (bytes(str(next(numbers)), "ascii") * 100 for _ in range(50_000))
    sizes = [len(each) for each in export.zipped([("big.json", chunks)], clock())]
    assert max(sizes) < 200_000
    assert next(numbers) == 50_000


def test_a_stranger_gets_nothing(http):
    assert code(http("GET", "/v1/users/me/export")) == (401, "invalid_token")
