"""A sandbox on a database: its clock and its due work outlive the process."""

import pytest

from accounts_bank.app import create_app
from accounts_bank.concurrency.greenlets import FairLock
from accounts_bank.errors import Unavailable
from accounts_bank.sandbox.digest import digest
from accounts_bank.sandbox.vault import MemoryVault
from tests.helpers import PASSWORD, Http, code

ADVANCE = "/v1/sandbox/clock/advance"
SETTINGS = {"SANDBOX": True, "SANDBOX_OPEN": True, "STORE_URL": "sqlite:///bank.db"}


class Lasting:
    """A bank that is started again on the same database."""

    def __init__(self, passwords):
        self.passwords = passwords
        self.start()

    def start(self):
        self.app = create_app(SETTINGS, passwords=self.passwords)
        self.bank = self.app.extensions["accounts"]
        self.http = Http(self.app)

    def again(self):
        self.bank.close()
        self.start()

    def clock(self):
        return self.http("GET", "/v1/sandbox/clock").json


@pytest.fixture
def lasting(passwords):
    made = Lasting(passwords)
    yield made
    made.bank.close()


def rent(lasting, count):
    ada, ben = lasting.http.joined("ada"), lasting.http.joined("ben")
    fields = {
        "from_account": ada.opened(1_000)["id"],
        "to_account": ben.opened()["number"],
        "amount_minor": 10,
        "currency": "EUR",
        "first_at": "2999-01-31T00:00:00Z",
        "every": "month",
        "count": count,
    }
    assert ada("POST", "/v1/schedules", fields).status_code == 201
    return ada


def test_a_restart_goes_on_where_the_clock_stood(lasting):
    lasting.http("PUT", "/v1/sandbox/clock", {"mode": "frozen", "now": "2999-01-01"})
    lasting.again()
    assert (lasting.clock()["mode"], lasting.clock()["now"][:10]) == ("frozen", "2999-01-01")
    lasting.http("PUT", "/v1/sandbox/clock", {"mode": "running"})
    lasting.again()
    assert lasting.clock()["mode"] == "running"
    assert lasting.clock()["now"] != "2999-01-01T00:00:00Z"


def test_an_advance_that_ends_midway_is_repeated(lasting, monkeypatch):
    rent(lasting, 6)
    lasting.http("PUT", "/v1/sandbox/clock", {"mode": "frozen"})
    append, batches = lasting.bank.due_work._store.append, []

    def dies(entries):
        batches.append(entries)
        if len(batches) == 3:
            raise Unavailable("killed")
        return append(entries)

    monkeypatch.setattr(lasting.bank.due_work._store, "append", dies)
    body = {"to": "2999-12-31T00:00:00Z"}
    assert code(lasting.http("POST", ADVANCE, body)) == (503, "unavailable")
    monkeypatch.undo()
    lasting.again()
    told = lasting.http("POST", ADVANCE, body).json
    assert [each["at"][:10] for each in told["fired"]] == [
        "2999-03-31",
        "2999-04-30",
        "2999-05-31",
        "2999-06-30",
    ]
    ada = lasting.http.signed_in("ada", PASSWORD)
    (account,) = ada("GET", "/v1/accounts").json["data"]
    assert account["balance_minor"] == 940
    assert lasting.bank.verifier.verify().ok


def test_a_bank_in_memory_begins_with_a_snapshot_of_the_database(lasting):
    rent(lasting, 1)
    assert lasting.http("PUT", "/v1/sandbox/snapshots/start").status_code == 201
    made = lasting.http("POST", "/v1/sandbox/banks", {"snapshot": "start"}).json
    assert [each["username"] for each in made["users"]] == ["ada", "ben"]
    assert made["users"][0]["accounts"][0]["balance_minor"] == 990 + 10
    assert lasting.bank.verifier.verify().ok


def test_a_database_is_set_back_and_tokens_stay_valid(lasting):
    ada = rent(lasting, 1)
    digest_before = digest_of(lasting)
    lasting.http("PUT", "/v1/sandbox/snapshots/start")
    lasting.http("POST", ADVANCE, {"to": "2999-02-01T00:00:00Z"})
    lasting.http.joined("eve")
    assert digest_of(lasting) != digest_before
    assert lasting.http("POST", "/v1/sandbox/snapshots/start/restore").status_code == 200
    assert digest_of(lasting) == digest_before
    assert ada("GET", "/v1/accounts").json["data"][0]["balance_minor"] == 1_000
    assert lasting.clock()["mode"] == "real"
    assert lasting.bank.verifier.verify().ok


def test_a_database_is_reset_to_its_start_and_to_nothing(lasting):
    empty = digest_of(lasting)
    rent(lasting, 1)
    lasting.again()
    start = digest_of(lasting)
    lasting.http.joined("eve")
    lasting.http("POST", "/v1/sandbox/reset", {"to": "seed"})
    assert digest_of(lasting) == start
    lasting.http("POST", "/v1/sandbox/reset", {"to": "empty"})
    assert digest_of(lasting) == empty
    lasting.again()
    assert digest_of(lasting) == empty


def test_a_restore_that_fails_changes_nothing(lasting, monkeypatch):
    rent(lasting, 1)
    lasting.http("PUT", "/v1/sandbox/snapshots/start")
    lasting.http.joined("eve")
    before = digest_of(lasting)

    def fails(_lines, _stores):
        raise Unavailable("killed")

    monkeypatch.setattr("accounts_bank.sandbox.vault.load_lines", fails)
    answer = lasting.http("POST", "/v1/sandbox/snapshots/start/restore")
    assert code(answer) == (503, "unavailable")
    assert digest_of(lasting) == before
    assert lasting.bank.verifier.verify().ok


def digest_of(lasting):
    return lasting.http("GET", "/v1/sandbox/digest").json["digest"]


def test_the_digest_is_that_of_the_same_books_in_memory(lasting):
    rent(lasting, 1)
    lasting.http("PUT", "/v1/sandbox/snapshots/start")
    memory = lasting.bank.sandbox.saved("start").books
    vault = MemoryVault(FairLock())
    vault.restore(memory)
    assert digest_of(lasting) == digest(vault.users, vault.accounts)
