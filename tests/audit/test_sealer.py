"""The sealer writes each saved item to the audit log once, in order, and soon."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from time import monotonic

import pytest

from accounts_bank.audit.log import AuditLog, head_path_of, verify_files
from accounts_bank.audit.records import record_of
from accounts_bank.audit.sealer import BATCH_MAX, SYNCHRONOUS_MAX, Sealer
from accounts_bank.errors import Unavailable
from accounts_bank.identity import Event
from accounts_bank.ledger.actions import Deposit, OpenAccount, Transfer
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.memory import InMemoryAccountStore, InMemoryUserStore
from tests.helpers import START
from tests.stores.books import Books, at_once
from tests.system.servers import served
from tests.waiting import within


@pytest.fixture
def outbox():
    return InMemoryUserStore()


@pytest.fixture
def busy():
    return Signal()


@pytest.fixture
def sealer(log, outbox, busy):
    made = Sealer(log, (outbox,), in_background=busy.is_set)
    yield made
    made.close()


class ForeignOutbox(InMemoryUserStore):
    """An outbox that only other processes fill; it counts reads of own items."""

    own_reads = 0

    def own_unsealed(self, limit):
        self.own_reads += 1
        return []


def save_events(outbox, *kinds: str) -> None:
    outbox.put([], [Event(f"id-{kind}", kind, START, None, None) for kind in kinds])


def logged() -> list[str]:
    """Return the events in the log, without a last line that is half written."""
    whole, *_ = Path("audit.log").read_text().rpartition("\n")
    return [json.loads(line)["event"] for line in whole.splitlines()]


def test_a_single_caller_finds_its_items_in_the_log_on_return(sealer, outbox):
    save_events(outbox, "login", "logout")
    sealer.notify()
    assert logged() == ["login", "logout"]
    assert list(outbox.unsealed(10)) == []


def test_a_busy_bank_seals_in_the_background(sealer, outbox, busy):
    busy.set()
    save_events(outbox, "login")
    sealer.notify()
    assert within(30, lambda: logged() == ["login"])


def test_one_call_seals_several_batches(sealer, outbox):
    save_events(outbox, *(f"k{number}" for number in range(2 * BATCH_MAX + 1)))
    sealer.notify()
    assert logged() == [f"k{number}" for number in range(2 * BATCH_MAX + 1)]
    assert verify_files([Path("audit.log")])[1] is None


def test_concurrent_callers_seal_each_item_once(sealer, outbox):
    def act(number):
        for turn in range(30):
            save_events(outbox, f"{number}-{turn}")
            sealer.notify()

    at_once(16, act)
    assert sorted(logged()) == sorted(f"{n}-{t}" for n in range(16) for t in range(30))


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("closed"), KeyError("ours")])
def test_unwritable_items_wait_and_log_one_error(log, outbox, monkeypatch, caplog, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(AuditLog, "writing", fail)  # before the sealer polls by itself
    sealer = Sealer(log, (outbox,), in_background=lambda: False)
    for kind in ("a", "b"):
        save_events(outbox, kind)
        sealer.notify()
    assert sealer.failing
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "audit_log_unwritable"
    ]
    assert logged() == []
    monkeypatch.undo()
    save_events(outbox, "c")
    sealer.notify()
    assert not sealer.failing
    assert logged() == ["a", "b", "c"]
    sealer.close()


def test_closing_seals_the_waiting_items(log, outbox, busy):
    busy.set()
    sealer = Sealer(log, (outbox,), in_background=busy.is_set)
    save_events(outbox, "last words")
    sealer.close()
    assert logged() == ["last words"]
    sealer.seal()  # nothing is left, so it does nothing


def test_a_line_has_the_decision_and_no_personal_data(log):
    store = InMemoryAccountStore(decide)
    sealer, books = Sealer(log, (store,), in_background=lambda: False), Books(store)
    opened = [books.ask(OpenAccount(f"owner-{n}", "Ada's secret stash", "EUR")) for n in (1, 2)]
    ada, bob = (outcome.recorded.entry.id for outcome in opened)
    books.ask(Deposit(ada, 5, "EUR", "a secret reference"))
    books.ask(Transfer(ada, bob, 3, "EUR", "a secret reference"))
    refused = books.ask(Transfer(ada, bob, 9, "EUR", "a secret reference")).recorded
    sealer.notify()
    sealer.close()
    assert "secret" not in Path("audit.log").read_text()
    *_, paid, last = (json.loads(line) for line in Path("audit.log").read_text().splitlines())
    assert paid["lines"] == [[ada, 2, -3, 2], [bob, 1, 3, 3]]
    assert last["asked"] == {
        "from_account": ada,
        "to_account": bob,
        "amount_minor": 9,
        "currency": "EUR",
    }
    del last["asked"], last["hash"], last["previous_hash"], last["@timestamp"]
    assert last == {
        "number": 5,
        "event": "transfer",
        "id": refused.entry.id,
        "actor_id": "owner-1",
        "outcome": "funds_insufficient",
        "digest": refused.digest,
        "lines": [],
    }


def test_polling_finds_items_of_another_process(log, outbox):
    sealer = Sealer(log, (outbox,), in_background=lambda: True, poll_s=0.05)
    save_events(outbox, "login")
    assert within(30, lambda: logged() == ["login"])
    sealer.close()


def test_a_bank_without_a_log_leaves_its_items_to_another_bank(outbox):
    sealer = Sealer(None, (outbox,), in_background=lambda: False)
    save_events(outbox, "login")
    sealer.notify()
    assert len(outbox.unsealed(10)) == sealer.backlog()[0] == 1
    with pytest.raises(Unavailable, match="Another bank"):
        _ = sealer.log
    sealer.close()


def test_a_bulk_is_sealed_in_the_background(log, outbox):
    sealer = Sealer(log, (outbox,), in_background=lambda: False)
    save_events(outbox, *(f"login {number}" for number in range(SYNCHRONOUS_MAX + 1)))
    with log.writing():  # keeps other writers out
        saves = Thread(target=sealer.notify, args=(SYNCHRONOUS_MAX + 1,))
        saves.start()
        saves.join(10)
        assert not saves.is_alive()
    assert within(30, lambda: len(logged()) == SYNCHRONOUS_MAX + 1)
    save_events(outbox, *(f"logout {number}" for number in range(SYNCHRONOUS_MAX)))
    sealer.notify(SYNCHRONOUS_MAX)
    assert len(logged()) == 2 * SYNCHRONOUS_MAX + 1
    sealer.close()


def test_all_items_are_read_after_a_writer_ended_midway(log):
    outbox = ForeignOutbox()
    save_events(outbox, "login")
    sealer = Sealer(log, (outbox,), in_background=lambda: True)
    with suppress(KeyError), log.writing() as (append, is_settled):
        assert is_settled
        append(map(record_of, outbox.unsealed(1)))
        raise KeyError
    save_events(outbox, "logout")
    sealer.notify()
    assert within(30, lambda: logged() == ["login", "logout"])
    sealer.close()


def test_items_of_other_processes_are_left_to_them(log):
    outbox = ForeignOutbox()
    sealer = Sealer(log, (outbox,), in_background=lambda: True)
    save_events(outbox, "login")
    before = outbox.own_reads
    sealer.notify()
    assert within(30, lambda: outbox.own_reads > before)
    assert logged() == []
    sealer.close()
    assert logged() == ["login"]


def test_the_bank_answers_while_another_process_locks_its_audit_log():
    with served() as server, ThreadPoolExecutor(1) as other:
        token = server.joined("ada")
        cash = {"account": server.opened(token), "amount_minor": 1, "currency": "EUR"}
        with head_path_of(Path("audit.log")).open("r+") as head:
            flock(head, LOCK_EX)
            answer = other.submit(server.ask, "POST", "/v1/deposits", cash, token)
            began_s = monotonic()
            while monotonic() - began_s < 0.5:
                assert server.ask("GET", "/health/live")[0] == 200
            assert not answer.done()
        assert answer.result()[0] == 201


def test_an_outage_of_the_store_is_no_fault_of_the_log(log, outbox, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "accounts_bank.audit.sealer")

    def away(*_):
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(AuditLog, "writing", away)  # before the sealer polls by itself
    sealer = Sealer(log, (outbox,), in_background=lambda: False)
    for _ in range(3):
        sealer.seal()
    assert not sealer.failing
    monkeypatch.undo()
    sealer.close()
    told = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert told == [("WARNING", "sealing_postponed"), ("INFO", "sealing_resumed")]
