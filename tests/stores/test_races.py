"""Many threads at one store: no money is made or lost, and a retry is done once."""

from random import Random
from threading import Event, Thread

import pytest

from accounts_bank.ledger.actions import Deposit, OpenAccount
from accounts_bank.ledger.entries import Needs
from tests.rounds import rounds
from tests.stores.books import RACE_S, Books, at_once
from tests.stores.journals import sealed

THREADS = 16
NAMES = ("ada", "bob", "cyd", "dan")

TURNS = rounds(10, 60)

pytestmark = [pytest.mark.usefixtures("switching"), pytest.mark.soak]


@pytest.fixture
def books(account_store):
    return Books(account_store, patience_s=RACE_S)


def test_racing_transfers_conserve_money_and_number_lines_without_gaps(books):
    books.given(**dict.fromkeys(NAMES, 100))

    def send_around(number):
        random = Random(number)  # noqa: S311 - the same race each time
        for _ in range(TURNS):
            payer, payee = random.sample(NAMES, 2)
            books.send(payer, payee, random.randint(1, 60))

    at_once(THREADS, send_around)
    assert sum(books.balances().values()) == 400
    for name in NAMES:
        lines = books.lines(name)
        assert [line.number for line in lines] == list(range(1, len(lines) + 1))
        running_minor = 0
        for line in lines:
            running_minor += line.amount_minor
            assert line.balance_minor == running_minor >= 0
        assert books.balances()[name] == running_minor


def test_racing_retries_of_one_entry_have_one_effect_and_one_answer(books):
    books.given(ada=1000, bob=0)
    for turn in range(TURNS):
        entry = books.entry(books.transfer("ada", "bob", 1), entry_id=f"turn-{turn}")
        outcomes = [
            each[0] for each in at_once(THREADS, lambda _, e=entry: books.store.append([e]))
        ]
        assert sorted(each.replayed for each in outcomes) == [False] + [True] * (THREADS - 1)
        assert {each.recorded.lines for each in outcomes} == {outcomes[0].recorded.lines}
    assert books.balances() == {"ada": 1000 - TURNS, "bob": TURNS}


def test_money_for_one_is_spent_once(books):
    books.given(ada=10, **{f"shop{n}": 0 for n in range(THREADS)})
    said = at_once(THREADS, lambda n: books.send("ada", f"shop{n}", 10))
    assert sorted(said) == ["funds_insufficient"] * (THREADS - 1) + ["recorded"]
    assert sum(books.balances().values()) == 10


def test_racing_deposits_all_arrive(books):
    books.given(ada=0)
    at_once(THREADS, lambda _: [books.ask(Deposit(books.opened["ada"], 1, "EUR")) for _ in "12345"])
    assert books.balances() == {"ada": THREADS * 5}
    assert books.store.account("till-eur-0").balance_minor == -THREADS * 5


def test_accounts_opened_at_once_are_all_there(books):
    at_once(THREADS, lambda _: [books.ask(OpenAccount("ada", "Main", "EUR")) for _ in "12345"])
    found = books.store.accounts_of("ada", after=None, limit=1000)
    assert len({account.number for account in found}) == THREADS * 5
    customer = books.store.load(Needs(customers=frozenset(("ada",)))).customers["ada"]
    assert customer.open_accounts == THREADS * 5


def test_a_reader_never_sees_half_a_transfer(books):
    books.given(**dict.fromkeys(NAMES, 100))
    done, totals = Event(), set()

    def watch():
        while not done.is_set():
            totals.add(sum(books.balances().values()))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    at_once(
        8, lambda n: [books.send(NAMES[n % 4], NAMES[(n + 1) % 4], 7) for _ in range(2 * TURNS)]
    )
    done.set()
    watcher.join()
    assert totals == {400}


def test_the_outbox_is_complete_after_a_race(books):
    books.given(ada=10_000, bob=0)
    ids = at_once(THREADS, lambda _: [
        books.ask(books.transfer("ada", "bob", 1)).recorded.entry.id for _ in range(TURNS)
    ])  # fmt: skip
    waiting = [recorded.entry.id for recorded in sealed(books.store)]
    assert len(waiting) == len(set(waiting)) == 3 + THREADS * TURNS
    assert {each for some in ids for each in some} <= set(waiting)
