"""Many threads at one hold, transfer, schedule or limit: one of them wins, nothing is passed."""

from collections import Counter
from datetime import timedelta

import pytest

from accounts_bank.ledger.actions import (
    Bulk,
    BulkMode,
    Capture,
    Every,
    Expire,
    Hold,
    Reversal,
    Schedule,
    SetDailyLimit,
    Transfer,
    Void,
)
from accounts_bank.ledger.entries import Entry, Needs
from accounts_bank.ledger.integrity.proof import prove
from tests.helpers import START
from tests.rounds import rounds
from tests.stores.books import RACE_S, Books, at_once

TURNS, THREADS = rounds(4, 20), 12

pytestmark = [pytest.mark.usefixtures("switching"), pytest.mark.soak]


@pytest.fixture
def books(account_store):
    made = Books(account_store, patience_s=RACE_S)
    made.given(ada=1000, bob=0)
    yield made
    with account_store.ledger() as ledger:
        prove(ledger)


def progress(books, entry_id):
    return books.store.load(Needs(progress=frozenset((entry_id,)))).progress[entry_id]


def test_of_capture_void_and_expiry_one_wins(books):
    """Clocks differ: to some the hold is over, to others not."""
    ada, bob = books.opened["ada"], books.opened["bob"]
    captured = 0
    for turn in range(TURNS):
        hold_id = f"hold-{turn}"
        books.ask(Hold(ada, bob, 10, "EUR", 60), entry_id=hold_id, at=START)
        ends = [Capture(hold_id, ada, bob, 7), Void(hold_id, ada), Expire(hold_id, ada)]

        def end(number, ends=ends):
            action = ends[number % 3]
            at = START + timedelta(seconds=60 if isinstance(action, Expire) else 0)
            return str(books.ask(action, at=at).status), type(action)

        said = at_once(THREADS, end)
        (winner,) = [kind for status, kind in said if status == "recorded"]
        code = {Capture: "hold_captured", Void: "hold_voided", Expire: "hold_expired"}[winner]
        assert Counter(status for status, _ in said) == {"recorded": 1, code: THREADS - 1}
        captured += winner is Capture
    assert books.balances() == {"ada": 1000 - 7 * captured, "bob": 7 * captured}
    assert books.store.account(ada).held_minor == 0


def test_racing_reversals_never_exceed_the_transfer(books):
    ada, bob = books.opened["ada"], books.opened["bob"]
    for turn in range(TURNS):
        books.ask(books.transfer("ada", "bob", 10), entry_id=f"sent-{turn}")
        back = Reversal(f"sent-{turn}", bob, ada, 3)
        said = at_once(THREADS, lambda _, ask=back: str(books.ask(ask).status))
        assert Counter(said) == {"recorded": 3, "reversal_too_large": THREADS - 3}
        assert progress(books, f"sent-{turn}").done_minor == 9
    assert books.balances() == {"ada": 1000 - TURNS, "bob": TURNS}


def test_two_runners_make_each_run_of_a_schedule_once(books):
    ada, bob = books.opened["ada"], books.opened["bob"]
    plan = Schedule(ada, bob, 1, "EUR", START, Every.DAY)
    books.ask(plan, entry_id="plan")

    def run(_):
        for _ in range(TURNS):
            number = progress(books, "plan").done_count
            ask = Transfer(ada, bob, 1, "EUR", schedule_id="plan")
            books.ask(ask, entry_id=f"plan/{number}")

    at_once(THREADS, run)
    runs = progress(books, "plan").done_count
    found = books.store.entries_of("plan", "transfer", before=None, limit=1000)
    assert sorted(each.entry.id for each in found) == sorted(f"plan/{n}" for n in range(runs))
    assert books.balances() == {"ada": 1000 - runs, "bob": runs}
    assert progress(books, "plan").due_at == START + timedelta(days=runs)
    assert runs >= TURNS


def test_a_daily_limit_holds_under_racing_payments(books):
    ada, bob = books.opened["ada"], books.opened["bob"]
    books.ask(SetDailyLimit(ada, 50))

    def pay(number):
        ask = Hold(ada, bob, 3, "EUR", 60) if number % 2 else books.transfer("ada", "bob", 3)
        return [str(books.ask(ask, at=START).status) for _ in range(4)]

    said = Counter(status for some in at_once(THREADS, pay) for status in some)
    assert said == {"recorded": 16, "limit_exceeded": THREADS * 4 - 16}
    assert books.store.account(ada).spent_minor == 48


@pytest.mark.parametrize("mode", BulkMode)
def test_one_bulk_sent_by_many_at_once_is_done_once(books, mode):
    parts = [
        Transfer(books.opened["ada"], books.opened["bob"], amount, "EUR", None, "bulk")
        for amount in (400, 700, 500)
    ]
    batch = [Entry(f"bulk/{n}", "owner-ada", START, part) for n, part in enumerate(parts)]
    batch.insert(0, Entry("bulk", "caller", START, Bulk(mode, 3, "digest")))
    answers = at_once(THREADS, lambda _: [str(o.status) for o in books.store.append(batch)])
    assert all(each == answers[0] for each in answers)
    sent = {BulkMode.EACH: 900, BulkMode.STOP: 400, BulkMode.ATOMIC: 0}[mode]
    assert books.balances() == {"ada": 1000 - sent, "bob": sent}
