"""`accounts_bank.testing.Bank`: a bank in process, its clients, its clock and its proof."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from accounts_bank.http.banks import BANKS_EXTENSION
from accounts_bank.testing import Bank, BankWrong, LocalServer, Refusal
from accounts_bank.testing.servers import in_process, open_app

JANUARY = "2026-01-31T00:00:00Z"


@pytest.fixture(scope="module")
def server():
    made = LocalServer()
    yield made
    made.close()


@pytest.fixture(params=["in process", "over HTTP"])
def bank(request):
    server = request.getfixturevalue("server") if request.param == "over HTTP" else None
    with Bank(seed=7, now=JANUARY, server=server) as made:
        yield made


def scheduled(bank):
    ada, ben = bank.customer("ada", balance_minor=100_00), bank.customer("ben")
    first = {"first_at": "2026-02-01T08:00:00Z", "every": "month"}
    return ada.post("/v1/schedules", ada.payment_to(ben, 30_00) | first), ben


def break_books(bank):
    """Take a cent from an account past everything that guards it."""
    app = bank._server.transport._app
    store = app.extensions[BANKS_EXTENSION]._entries[bank.id].bank.verifier._contents.accounts
    accounts = store._store._accounts
    broken = next(each for each in accounts.values() if each.balance_minor > 0)
    accounts[broken.id] = replace(broken, balance_minor=broken.balance_minor - 1)


def test_a_customer_has_a_token_and_money(bank):
    ada, ben = bank.customer("ada", balance_minor=100_00), bank.customer("ben", currency="EUR")
    assert ada.get("/v1/users/me").username == "ada"
    sent = ada.transfer(ben, 30_00, key="rent", reference="Rent")
    assert (sent.status, sent["reference"]) == ("recorded", "Rent")
    assert ada.transfer(ben, 30_00, key="rent", reference="Rent") == sent
    assert (ada.balance_minor, ben.balance_minor) == (70_00, 30_00)


def test_a_refusal_has_the_problem_of_the_bank(bank):
    ada, ben = bank.customer("ada"), bank.customer("ben")
    with pytest.raises(Refusal, match="funds_insufficient") as refused:
        ada.transfer(ben, 1)
    assert (refused.value.status, refused.value.code) == (422, "funds_insufficient")
    answer = ada.request("POST", "/v1/transfers", ada.payment_to(ben, 1))
    assert (answer.status, answer.json.code) == (422, "funds_insufficient")
    assert answer.headers["content-type"] == "application/problem+json"
    with pytest.raises(Refusal, match="username_taken"):
        bank.customer("ADA")


def test_staff_and_strangers_are_clients_too(bank):
    assert bank.staff("amy", "auditor").get("/v1/integrity").ok
    with pytest.raises(Refusal, match="invalid_token"):
        bank.anyone().get("/v1/accounts")


def test_an_advance_tells_which_entries_ran(bank):
    schedule, ben = scheduled(bank)
    due = datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert bank.clock.next_due == due
    advanced = bank.clock.advance("P1M")
    (fired,) = advanced.fired
    assert (fired.kind, fired.id, fired.status) == ("schedule", schedule.id, "recorded")
    assert fired.at == due
    assert advanced.complete
    assert bank.clock.now == advanced.now == datetime(2026, 2, 28, tzinfo=UTC)
    assert ben.balance_minor == 30_00


@pytest.mark.parametrize(
    ("step", "now"),
    [
        (timedelta(days=1, microseconds=5), datetime(2026, 2, 1, 0, 0, 0, 5, tzinfo=UTC)),
        (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("next_due", datetime(2026, 2, 1, 8, tzinfo=UTC)),
    ],
)
def test_a_step_is_a_duration_a_time_or_the_next_due_instant(bank, step, now):
    scheduled(bank)
    assert bank.clock.advance(step).now == now


def test_the_clock_stands_and_goes_on(bank):
    assert bank.clock.mode == "frozen"
    bank.clock.run("2026-02-10T00:00:00Z")
    assert bank.clock.mode == "running"
    later = datetime(2026, 3, 1, tzinfo=UTC)
    bank.clock.freeze(later)
    assert (bank.clock.mode, bank.clock.now) == ("frozen", later)


def test_a_restored_snapshot_is_the_same_bank(bank):
    ada, ben = bank.customer("ada", balance_minor=100_00), bank.customer("ben")
    before, name = bank.digest(), bank.snapshot()
    ada.transfer(ben, 1)
    assert bank.digest() != before
    bank.restore(name)
    assert bank.digest() == before
    assert ada.balance_minor == 100_00
    bank.reset()
    assert bank.admin.get("/v1/users").data[0].username == "sandbox-admin"


def test_a_fault_loses_an_answer_and_counts_it(bank):
    ada, ben = bank.customer("ada", balance_minor=100_00), bank.customer("ben")
    fault = bank.faults.add({"drop": "after_commit"}, operation="transfers_transfer", times=1)
    with pytest.raises(ConnectionError):
        ada.transfer(ben, 30_00, key="order-1")
    assert ada.transfer(ben, 30_00, key="order-1").status == "recorded"
    assert (ada.balance_minor, ben.balance_minor) == (70_00, 30_00)
    (seen,) = bank.faults.all()
    assert (seen.id, seen.left, len(seen.hits)) == (fault.id, 0, 1)
    bank.faults.delete(fault.id)
    assert bank.faults.all() == []


def test_equal_seeds_and_calls_make_equal_banks(server):
    def digest(**plan):
        with Bank(now=JANUARY, **plan) as bank:
            scheduled(bank)
            bank.clock.advance("P1M")
            return bank.digest()

    assert digest(seed=1) == digest(seed=1, server=server)
    assert digest(seed=1) != digest(seed=2)


def test_a_bank_with_wrong_books_says_so_at_the_end():
    bank = Bank()
    bank.customer("ada", balance_minor=5)
    break_books(bank)
    with pytest.raises(BankWrong, match="balance"), bank:
        pass
    with pytest.raises(Refusal, match="not_found"):
        bank.digest()


def test_a_block_that_fails_keeps_its_own_error():
    bank = Bank()
    bank.customer("ada", balance_minor=5)
    break_books(bank)
    with pytest.raises(ZeroDivisionError), bank:
        raise ZeroDivisionError


def test_banks_leave_no_thread_and_nothing_behind():
    Bank().close()
    transport: Any = in_process().transport
    banks = transport._app.extensions[BANKS_EXTENSION]
    before = len(banks)
    for _ in range(5):
        with Bank() as bank:
            bank.customer("ada")
    assert len(banks) == before


def test_a_closed_server_ends_its_threads():
    before = {thread.name for thread in threading.enumerate()}
    server = LocalServer()
    with Bank(server=server) as bank:
        assert bank.url.startswith(server.url + "/banks/")
    server.close()
    assert "accounts-server" not in {thread.name for thread in threading.enumerate()} - before


def test_the_logging_and_the_settings_of_the_project_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text('{"theirs": true}')
    monkeypatch.setenv("ACCOUNTS_THEIRS", "1")
    loggers = ("", "accounts_bank", "werkzeug")
    before = [logging.getLogger(name).handlers[:] for name in loggers], logging.lastResort
    open_app().extensions["accounts"].close()
    after = [logging.getLogger(name).handlers[:] for name in loggers], logging.lastResort
    assert before == after
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
