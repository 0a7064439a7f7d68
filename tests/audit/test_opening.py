"""A bank continues its own audit log and touches no log of another bank."""

import json
from pathlib import Path

import pytest

from accounts_bank.app import create_app
from accounts_bank.audit.files import verify_files
from accounts_bank.errors import SettingsError
from tests.helpers import AUDITOR, Http
from tests.waiting import within

STAFF = [{"username": AUDITOR, "role": "auditor", "password": "correct horse"}]


@pytest.fixture
def start(passwords):
    """Start banks in this folder, and stop each at the end."""
    apps = []

    def start(**settings):
        app = create_app({"LOG_FILE": "app.log", "STAFF": STAFF, **settings}, passwords=passwords)
        apps.append(app)
        return app

    yield start
    for app in apps:
        app.extensions["accounts"].close()


def stop(app) -> None:
    app.extensions["accounts"].close()


def first_line(path: str = "audit.log") -> dict:
    return json.loads(Path(path).read_text().splitlines()[0])


def is_proven(app) -> bool:
    report = app.extensions["accounts"].verifier.verify()
    assert report.ok, report.fault
    return report.audit_lines > 0


def id_of(app) -> str:
    return str(app.extensions["accounts"].audit.journal.bank_id)


def test_the_first_line_of_a_log_names_the_bank(start):
    app = start()
    assert first_line()["event"] == "log_opened"
    assert first_line()["bank_id"] == id_of(app)


def test_a_bank_in_memory_sets_the_log_of_an_earlier_one_aside(start):
    app = start()
    Http(app).joined("ada")
    before = id_of(app)
    stop(app)
    again = start()
    Http(again).joined("bob")
    assert is_proven(again)
    assert first_line()["bank_id"] == id_of(again) != before
    aside = Path(f"audit.log.{before}")
    assert first_line(str(aside))["bank_id"] == before
    assert verify_files([aside]) == (3, None)
    said = f"The log of an earlier bank in memory is now {aside.absolute()}."
    assert within(30, lambda: said in Path("app.log").read_text())


def test_two_banks_in_memory_at_once_do_not_mix(start):
    one, other = start(), start()
    for app, name in ((one, "ada"), (other, "bob"), (one, "cyd")):
        Http(app).joined(name)
    assert is_proven(one)
    assert is_proven(other)
    assert first_line()["bank_id"] == id_of(one)
    assert first_line(f"audit.log.{id_of(other)}")["bank_id"] == id_of(other)
    assert within(30, lambda: "is another bank's. This bank writes" in Path("app.log").read_text())
    lines = map(json.loads, Path("audit.log").read_text().splitlines())
    numbers = [line["number"] for line in lines]
    assert numbers == list(range(len(numbers)))


def test_a_bank_in_memory_leaves_the_log_of_a_durable_one(start):
    durable = start(STORE_URL="sqlite:///bank.db")
    Http(durable).joined("ada")
    stop(durable)
    kept = Path("audit.log").read_bytes()
    memory = start()
    Http(memory).joined("bob")
    assert is_proven(memory)
    stop(memory)
    assert Path("audit.log").read_bytes() == kept
    assert is_proven(start(STORE_URL="sqlite:///bank.db"))


def test_a_durable_bank_sets_the_log_of_an_ended_bank_in_memory_aside(start):
    stop(start())
    assert is_proven(start(STORE_URL="sqlite:///bank.db"))


def test_a_durable_bank_refuses_the_log_of_another_bank(start):
    start()  # it runs
    with pytest.raises(SettingsError, match=r"is the audit log of another bank .*: set AUDIT_LOG"):
        start(STORE_URL="sqlite:///bank.db")


def test_a_durable_bank_refuses_the_log_of_another_durable_one(start):
    stop(start(STORE_URL="sqlite:///one.db"))
    with pytest.raises(SettingsError, match=r"is the audit log of another bank .*: set AUDIT_LOG"):
        start(STORE_URL="sqlite:///two.db")
    assert is_proven(start(STORE_URL="sqlite:///one.db"))
