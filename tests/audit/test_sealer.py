"""The sealer: what was saved is in the audit log, once, in order, and soon."""

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
from accounts_bank.audit.sealer import AT_ONCE_MAX, BATCH_MAX, Sealer
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


class Others(InMemoryUserStore):
    """An outbox that only other processes fill; it counts who looks for what is his own."""

    looks = 0

    def own_unsealed(self, limit):
        self.looks += 1
        return []


def say(outbox, *kinds: str) -> None:
    outbox.put([], [Event(f"id-{kind}", kind, START, None, None) for kind in kinds])


def told() -> list[str]:
    """Give what the log tells; whoever reads it meanwhile may find the last line half written."""
    whole, *_ = Path("audit.log").read_text().rpartition("\n")
    return [json.loads(line)["event"] for line in whole.splitlines()]


def test_who_is_alone_has_it_in_the_log_on_return(sealer, outbox):
    say(outbox, "login", "logout")
    sealer.saved()
    assert told() == ["login", "logout"]
    assert list(outbox.unsealed(10)) == []


def test_a_busy_bank_seals_soon_without_waiting_for_it(sealer, outbox, busy):
    busy.set()
    say(outbox, "login")
    sealer.saved()
    assert within(30, lambda: told() == ["login"])


def test_more_than_one_batch_is_sealed_at_once(sealer, outbox):
    say(outbox, *(f"k{number}" for number in range(2 * BATCH_MAX + 1)))
    sealer.saved()
    assert told() == [f"k{number}" for number in range(2 * BATCH_MAX + 1)]
    assert verify_files([Path("audit.log")])[1] is None


def test_many_at_once_seal_each_item_once(sealer, outbox):
    def act(number):
        for turn in range(30):
            say(outbox, f"{number}-{turn}")
            sealer.saved()

    at_once(16, act)
    assert sorted(told()) == sorted(f"{n}-{t}" for n in range(16) for t in range(30))


@pytest.mark.parametrize(
    "error", [OSError(28, "full"), Unavailable("gone"), ValueError("closed"), KeyError("ours")]
)
def test_what_cannot_be_written_waits_and_is_told_once(log, outbox, monkeypatch, caplog, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(AuditLog, "writing", fail)  # before the sealer starts to look by itself
    sealer = Sealer(log, (outbox,), in_background=lambda: False)
    for kind in ("a", "b"):
        say(outbox, kind)
        sealer.saved()
    assert sealer.failing
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "audit_log_unwritable"
    ]
    assert told() == []
    monkeypatch.undo()
    say(outbox, "c")
    sealer.saved()
    assert not sealer.failing
    assert told() == ["a", "b", "c"]
    sealer.close()


def test_what_waits_at_the_end_is_written(log, outbox, busy):
    busy.set()
    sealer = Sealer(log, (outbox,), in_background=busy.is_set)
    say(outbox, "last words")
    sealer.close()
    assert told() == ["last words"]
    sealer.seal()  # nothing left to do, and no harm


def test_a_line_says_what_was_decided_and_nothing_personal(log):
    store = InMemoryAccountStore(decide)
    sealer, books = Sealer(log, (store,), in_background=lambda: False), Books(store)
    opened = [books.ask(OpenAccount(f"owner-{n}", "Ada's secret stash", "EUR")) for n in (1, 2)]
    ada, bob = (outcome.recorded.entry.id for outcome in opened)
    books.ask(Deposit(ada, 5, "EUR", "a secret reference"))
    books.ask(Transfer(ada, bob, 3, "EUR", "a secret reference"))
    refused = books.ask(Transfer(ada, bob, 9, "EUR", "a secret reference")).recorded
    sealer.saved()
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


def test_what_another_bank_saved_is_found_without_being_told(log, outbox):
    sealer = Sealer(log, (outbox,), in_background=lambda: True, look_s=0.05)
    say(outbox, "login")
    assert within(30, lambda: told() == ["login"])
    sealer.close()


def test_a_bank_without_a_log_leaves_what_it_saved_to_the_one_that_has_it(outbox):
    sealer = Sealer(None, (outbox,), in_background=lambda: False)
    say(outbox, "login")
    sealer.saved()
    assert len(outbox.unsealed(10)) == sealer.waiting()[0] == 1
    with pytest.raises(Unavailable, match="Another bank"):
        _ = sealer.log
    sealer.close()


def test_a_bulk_is_sealed_soon_without_waiting_for_it(log, outbox):
    sealer = Sealer(log, (outbox,), in_background=lambda: False)
    say(outbox, *(f"login {number}" for number in range(AT_ONCE_MAX + 1)))
    with log.writing():  # so nobody else writes it
        saves = Thread(target=sealer.saved, args=(AT_ONCE_MAX + 1,))
        saves.start()
        saves.join(10)
        assert not saves.is_alive()
    assert within(30, lambda: len(told()) == AT_ONCE_MAX + 1)
    say(outbox, *(f"logout {number}" for number in range(AT_ONCE_MAX)))
    sealer.saved(AT_ONCE_MAX)
    assert len(told()) == 2 * AT_ONCE_MAX + 1
    sealer.close()


def test_all_that_waits_is_looked_at_where_a_writer_ended_before_it_was_done(log):
    outbox = Others()
    say(outbox, "login")
    sealer = Sealer(log, (outbox,), in_background=lambda: True)
    with suppress(KeyError), log.writing() as (append, is_settled):
        assert is_settled
        append(map(record_of, outbox.unsealed(1)))
        raise KeyError
    say(outbox, "logout")
    sealer.saved()
    assert within(30, lambda: told() == ["login", "logout"])
    sealer.close()


def test_what_others_saved_is_left_to_them(log):
    outbox = Others()
    sealer = Sealer(log, (outbox,), in_background=lambda: True)
    say(outbox, "login")
    before = outbox.looks
    sealer.saved()
    assert within(30, lambda: outbox.looks > before)
    assert told() == []
    sealer.close()
    assert told() == ["login"]


def test_the_bank_goes_on_while_its_audit_log_is_kept_from_it():
    with served() as server, ThreadPoolExecutor(1) as other:
        token = server.joined("ada")
        cash = {"account": server.opened(token), "amount_minor": 1, "currency": "EUR"}
        with head_path_of(Path("audit.log")).open("r+") as head:
            flock(head, LOCK_EX)
            kept = other.submit(server.ask, "POST", "/v1/deposits", cash, token)
            began_s = monotonic()
            while monotonic() - began_s < 0.5:
                assert server.ask("GET", "/health/live")[0] == 200
            assert not kept.done()
        assert kept.result()[0] == 201
