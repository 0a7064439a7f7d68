"""The sealer writes each saved item to the audit log once, in order, and soon."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from fcntl import LOCK_EX, flock
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from time import monotonic

import pytest

from accounts_bank.audit.background import SealingThread
from accounts_bank.audit.chain import trail_line
from accounts_bank.audit.files import head_path_of, verify_files
from accounts_bank.audit.log import AuditLog
from accounts_bank.audit.sealer import BATCH_MAX, SYNCHRONOUS_MAX, Pace, Sealer
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
    made = Sealer(outbox.journal, log, busy.is_set, thread=SealingThread())
    yield made
    made.close()


def save_events(outbox, *kinds: str) -> None:
    outbox.put([], [Event(f"id-{kind}", kind, START, None, None) for kind in kinds])


def logged() -> list[str]:
    """Return the events in the log, without a last line that is half written."""
    whole, *_ = Path("audit.log").read_text().rpartition("\n")
    return [json.loads(line)["event"] for line in whole.splitlines()[1:]]


def test_a_single_caller_finds_its_items_in_the_log_on_return(sealer, outbox):
    save_events(outbox, "login", "logout")
    sealer.notify()
    assert logged() == ["login", "logout"]
    assert outbox.journal.backlog(10) == (0, None)


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
    sealer = Sealer(outbox.journal, log, lambda: False)
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
    sealer = Sealer(outbox.journal, log, busy.is_set)
    save_events(outbox, "last words")
    sealer.close()
    assert logged() == ["last words"]
    sealer.seal()  # nothing is left, so it does nothing


def test_a_line_has_the_decision_and_no_personal_data(log):
    store = InMemoryAccountStore(decide)
    sealer, books = Sealer(store.journal, log, lambda: False), Books(store)
    opened = [books.ask(OpenAccount(f"owner-{n}", "Ada's secret stash", "EUR")) for n in (1, 2)]
    ada, bob = (outcome.recorded.entry.id for outcome in opened)
    books.ask(Deposit(ada, 5, "EUR", "a secret reference"))
    books.ask(Transfer(ada, bob, 3, "EUR", "a secret reference"))
    ask = Transfer(ada, bob, 9, "EUR", "a secret reference")
    refused = books.ask(ask, entry_id="kept").recorded
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
    for name in ("asked", "seal", "hash", "previous_hash", "@timestamp"):
        del last[name]
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
    sealer = Sealer(
        outbox.journal,
        log,
        lambda: True,
        Pace(batch_delay_s=0, poll_s=0.05),
        SealingThread(),
    )
    save_events(outbox, "login")
    assert within(30, lambda: logged() == ["login"])
    sealer.close()


def test_a_bank_without_a_log_numbers_its_items(outbox):
    sealer = Sealer(outbox.journal, None, lambda: False)
    save_events(outbox, "login")
    sealer.notify()
    assert sealer.backlog() == (0, None)
    assert [trail_line(each) for each in sealer.trail(0, 10)] == [
        trail_line(each) for each in outbox.journal.sealed_after(0, 1)
    ]
    sealer.close()
    assert not Path("audit.log").exists()


def test_one_thread_seals_many_banks():
    thread = SealingThread()
    banks = [InMemoryUserStore() for _ in range(20)]
    sealers = [Sealer(bank.journal, None, lambda: True, thread=thread) for bank in banks]
    for bank, sealer in zip(banks, sealers, strict=True):
        save_events(bank, "login")
        sealer.notify()
    assert within(30, lambda: all(bank.journal.head().number == 1 for bank in banks))
    sealers[0].close()
    save_events(banks[1], "logout")
    sealers[1].notify()
    assert within(30, lambda: banks[1].journal.head().number == 2)
    for sealer in sealers[1:]:
        sealer.close()


def test_the_head_is_logged_once_a_minute(log, outbox, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    now_s = [1000.0]
    monkeypatch.setattr("accounts_bank.audit.sealer.monotonic", lambda: now_s[0])
    sealer = Sealer(outbox.journal, log, lambda: False, Pace(batch_delay_s=1e3, poll_s=1e3))
    for kind, at_s in (("a", 1000.0), ("b", 1001.0), ("c", 1060.0)):
        now_s[0] = at_s
        save_events(outbox, kind)
        sealer.notify()
    heads = [record for record in caplog.records if record.message == "journal_head"]
    told = [vars(record)["context"] for record in heads]
    assert [each["number"] for each in told] == [1, 3]
    assert told[1]["hash"] == outbox.journal.head().hash
    assert told[1]["bank_id"] == outbox.journal.bank_id
    sealer.close()


def test_a_bulk_is_sealed_in_the_background(log, outbox):
    sealer = Sealer(outbox.journal, log, lambda: False, thread=SealingThread())
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


def test_items_that_were_numbered_and_not_written_come_into_the_log(log, outbox):
    save_events(outbox, "login")
    outbox.journal.seal(10)  # by a process that ended before it wrote its log
    sealer = Sealer(outbox.journal, log, lambda: False)
    save_events(outbox, "logout")
    sealer.notify()
    assert logged() == ["login", "logout"]
    sealer.close()


def test_the_store_knows_how_far_a_log_is_written(log, outbox, sealer):
    save_events(outbox, "login", "logout")
    sealer.notify()
    assert outbox.journal.cursors() == {"audit_log:log-1": 2}


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
    caplog.set_level(logging.WARNING, "accounts_bank.audit.sealer")

    def away(*_):
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(outbox.journal, "seal", away)
    sealer = Sealer(outbox.journal, log, lambda: False)
    for _ in range(3):
        sealer.seal()
    assert not sealer.failing
    monkeypatch.undo()
    caplog.set_level(logging.INFO, "accounts_bank.audit.sealer")
    sealer.close()
    told = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert told[:1] == [("WARNING", "sealing_postponed")]
    assert ("INFO", "sealing_resumed") in told
