"""`accounts upgrade` numbers a MongoDB bank of version 0.1 from its audit log, once."""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bson import Timestamp
from bson.int64 import Int64
from click.testing import CliRunner

from accounts_bank.app import create_app, upgrade
from accounts_bank.audit.chain import Head, seal
from accounts_bank.cli import main
from accounts_bank.config import load_settings
from accounts_bank.errors import SettingsError
from accounts_bank.ledger.sealing import JournalHead
from accounts_bank.stores.databases.schema_version import check_inherited
from accounts_bank.stores.mongo import inheritance
from tests.helpers import Http
from tests.stores.earlier_mongo import dump, restore, write_log
from tests.stores.mongo.helpers import NAME

ENTRIES = 27


@pytest.fixture
def url(mongo, monkeypatch) -> str:
    found = str(mongo.url(NAME))
    restore(found)
    monkeypatch.setenv("ACCOUNTS_STORE_URL", found)
    monkeypatch.setattr(inheritance, "AT_ONCE", 5)
    return found


def number(url: str) -> None:
    upgrade(load_settings({"STORE_URL": url}))


def refused(url: str) -> str:
    with pytest.raises(SettingsError) as found:
        number(url)
    return str(found.value)


def relogged(lines: list[str], key: bytes) -> None:
    """Write a log whose lines say something else, and whose head is right for them."""
    last = msgspec.json.decode(lines[-1])
    text = "".join(f"{line}\n" for line in lines)
    head = seal(key, Head(last["number"], last["hash"], len(text)))
    Path("audit.log").write_text(text)
    Path("audit.log.head").write_bytes(msgspec.json.encode(head).ljust(512))


def whole(url: str, passwords) -> list[Any]:
    """Open the bank, check that it proves itself, and return its trail."""
    app = create_app({"STORE_URL": url, "LOG_FILE": "app.log"}, passwords=passwords)
    with closing(app.extensions["accounts"]) as bank:
        report = bank.verifier.verify()
        assert (report.fault, report.entries) == (None, ENTRIES)
        return list(bank.audit.journal.sealed_after(0, 100))


def verified() -> list[int]:
    return [CliRunner().invoke(main, each).exit_code for each in (["verify"], ["audit", "verify"])]


def test_a_bank_has_the_numbers_of_its_log(url, passwords):
    lines = write_log(Path())
    number(url)
    number(url)
    trail = whole(url, passwords)
    assert [each.hash for each in trail] == [line["hash"] for line in lines]
    assert [each.item.digest for each in trail if hasattr(each.item, "lines")] == [
        line["digest"] for line in lines if "digest" in line
    ]
    assert verified() == [0, 0]


def test_a_bank_goes_on_after_its_upgrade(url, passwords):
    lines = write_log(Path())
    number(url)
    app = create_app({"STORE_URL": url, "LOG_FILE": "app.log"}, passwords=passwords)
    with closing(app.extensions["accounts"]):
        assert Http(app).signed_in("ada")("GET", "/v1/users/me").status_code == 200
        trail = Http(app).signed_in("auditor")("GET", "/v1/audit?limit=100").json["data"]
        assert [each["id"] for each in trail[: len(lines)]] == [each["id"] for each in lines]
        assert Http(app).signed_in("auditor")("GET", "/v1/integrity").json["ok"]
    assert verified() == [0, 0]


def test_a_bank_without_a_log_is_numbered_by_the_times_of_its_entries(url, passwords):
    number(url)
    trail = whole(url, passwords)
    times = [each.item.at for each in trail]
    assert (len(times), times) == (ENTRIES, sorted(times))
    assert verified() == [0, 0]


def test_a_log_that_lacks_the_last_entries_is_refused_and_the_whole_one_taken(url, passwords):
    lines = write_log(Path())
    kept, key = dump()["audit_log"], bytes.fromhex(dump()["audit_key"])
    relogged(kept[:-1], key)
    assert f"entry {lines[-1]['id']} is not in the log" in refused(url)
    write_log(Path())
    number(url)
    assert len(whole(url, passwords)) == len(lines)


def test_a_log_with_a_line_of_another_bank_is_refused(url, raw):
    lines = write_log(Path())
    entry = next(each for each in lines if each.get("digest"))
    raw[NAME]["entries"].delete_one({"_id": entry["id"]})
    assert f"entry {entry['id']} of line {entry['number']} is not in the store" in refused(url)


def test_an_altered_log_is_refused(url):
    write_log(Path())
    log = Path("audit.log")
    log.write_text(log.read_text().replace("user_registered", "user_registereD", 1))
    assert "line 1 was altered after it was written" in refused(url)


@pytest.mark.parametrize("batches", [1, 4, 7])
def test_an_upgrade_that_was_broken_off_begins_again(url, passwords, monkeypatch, batches):
    lines = write_log(Path())
    calls = []
    real = check_inherited

    def broken(head: JournalHead, *arguments: Any) -> None:
        calls.append(head)
        if len(calls) > batches:
            raise KeyboardInterrupt
        real(head, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(inheritance, "check_inherited", broken)
        with pytest.raises(KeyboardInterrupt):
            number(url)
    with pytest.raises(SettingsError, match="accounts upgrade"):
        create_app({"STORE_URL": url}, passwords=passwords)
    number(url)
    trail = whole(url, passwords)
    assert [each.hash for each in trail] == [line["hash"] for line in lines]


def test_entries_that_no_log_has_yet_stay_in_the_outbox(url, raw, passwords):
    """A bank that was killed has entries without a line; they keep their place."""
    lines = write_log(Path())
    last, before = lines[-1], lines[-2]
    entries, place = raw[NAME]["entries"], {"at": Timestamp(1, 1), "number": Int64(1)}
    entries.update_one({"_id": last["id"]}, {"$set": {"place": place}})
    relogged(dump()["audit_log"][:-1], bytes.fromhex(dump()["audit_key"]))
    number(url)
    trail = whole(url, passwords)
    assert [each.item.entry.id for each in trail[-1:]] == [last["id"]]
    assert trail[-2].hash == before["hash"]
