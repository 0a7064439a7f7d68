"""`accounts upgrade` numbers a bank of version 0.1 from its audit log, once."""

import hmac
import json
import shutil
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import asdict
from sqlalchemy import create_engine, select

from accounts_bank.app import create_app, upgrade
from accounts_bank.audit.chain import Head, seal
from accounts_bank.audit.records import record_of
from accounts_bank.config import load_settings
from accounts_bank.errors import SettingsError
from accounts_bank.identity import Event
from accounts_bank.ledger.entries import Needs
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.factory import open_stores, upgrade_stores
from accounts_bank.stores.sql.tables import ENTRIES
from tests.helpers import START

DATA = Path(__file__).parent / "data"
KEY = b"k" * 32
SETTINGS = {"STORE_URL": "sqlite:///bank.db"}
LOGIN = Event("login-1", "login", START, "user-1", "user-1")


def items_of_the_bank() -> list:
    """Read all entries of the old bank in the order of their rows, through an upgraded copy."""
    shutil.copy(DATA / "bank_0_1_0.db", "copy.db")
    upgrade_stores("sqlite:///copy.db")
    engine = create_engine("sqlite:///copy.db")
    with engine.connect() as connection:
        ids = list(connection.scalars(select(ENTRIES.c.id)))
    engine.dispose()
    with closing(open_stores("sqlite:///copy.db", Observer())) as stores:
        entries = stores.accounts.load(Needs(entries=frozenset(ids))).entries
    return [LOGIN, *(entries[each] for each in ids)]


def write_log(items: list) -> None:
    """Write a log as version 0.1 did."""
    lines, previous = b"", ""
    for number, item in enumerate(items, 1):
        record = {"number": number, **record_of(item), "previous_hash": previous}
        body = msgspec.json.encode(record)[:-1]
        previous = hmac.digest(KEY, body, "sha256").hex()
        lines += b'%b,"hash":"%b"}\n' % (body, previous.encode())
    head = seal(KEY, Head(len(items), previous, len(lines)))
    Path("audit.log").write_bytes(lines)
    Path("audit.log.key").write_bytes(KEY)
    Path("audit.log.head").write_bytes(json.dumps(asdict(head)).encode().ljust(512))


@pytest.fixture
def items():
    found = items_of_the_bank()
    shutil.copy(DATA / "bank_0_1_0.db", "bank.db")
    write_log(found)
    return found


def test_an_upgraded_store_has_the_numbers_of_its_log(items, passwords):
    upgrade(load_settings(SETTINGS))
    upgrade(load_settings(SETTINGS))
    lines = [json.loads(line) for line in Path("audit.log").read_text().splitlines()]
    app = create_app({**SETTINGS, "LOG_FILE": "app.log"}, passwords=passwords)
    audit = app.extensions["accounts"].audit
    trail = audit.journal.sealed_after(0, 100)
    assert [each.item for each in trail] == items
    assert [each.hash for each in trail] == [line["hash"] for line in lines]
    app.extensions["accounts"].users.add("zoe", "hash")
    report = app.extensions["accounts"].verifier.verify()
    assert (report.fault, report.audit_lines) == (None, len(items) + 1)
    app.extensions["accounts"].close()


def refused() -> str:
    with pytest.raises(SettingsError) as found:
        upgrade(load_settings(SETTINGS))
    return str(found.value)


def test_an_entry_that_the_log_lacks_is_refused(items):
    write_log(items[:-1])
    assert f"entry {items[-1].entry.id} is not in the log" in refused()


def test_a_line_without_an_entry_is_refused(items):
    made_up = msgspec.structs.replace(
        items[-1], entry=msgspec.structs.replace(items[-1].entry, id="made-up")
    )
    write_log([*items, made_up])
    assert "entry made-up of line 28 is not in the store" in refused()


def test_an_altered_log_is_refused(items):
    Path("audit.log").write_bytes(Path("audit.log").read_bytes().replace(b"login-1", b"login-2"))
    assert "line 1 was altered after it was written" in refused()


def test_a_refused_upgrade_changes_nothing(items):
    write_log(items[:-1])
    refused()
    write_log(items)
    upgrade(load_settings(SETTINGS))
