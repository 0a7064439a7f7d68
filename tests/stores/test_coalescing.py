"""Questions asked together: how many it takes, and that nobody is told what was before it asked."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import sleep

import pytest

from accounts_bank.concurrency.coalescing import Coalescer
from accounts_bank.errors import Unavailable
from accounts_bank.ledger.actions import OpenAccount
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Needs
from accounts_bank.stores.memory import InMemoryAccountStore
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from tests.stores.books import Books, at_once


class Answers:
    """Finds its letter for each id; the first question is answered only when it is told to."""

    def __init__(self) -> None:
        self.questions: list[list[str]] = []
        self.asked, self.told = Event(), Event()
        self.fails: Exception = ValueError("bad")
        self.letters = {"a": "A", "b": "B", "c": "C"}

    def __call__(self, ids):
        self.questions.append(ids)
        found = {each: self.letters[each] for each in ids if each in self.letters}
        if len(self.questions) == 1:
            self.asked.set()
            assert self.told.wait(10)
        if "bad" in ids:
            raise self.fails
        return found


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
def together(answers):
    return Coalescer(answers)


@pytest.fixture
def ask(together, answers):
    """Ask for some while the first question is under way; give what became of each."""

    def ask(first, *others):
        with ThreadPoolExecutor(1 + len(others)) as pool:
            asked = [pool.submit(together.get_many, first)]
            assert answers.asked.wait(10)
            for count, each in enumerate(others, start=1):
                asked.append(pool.submit(together.get_many, each))
                while len(together._next.waiters) < count:
                    sleep(0.001)
            answers.told.set()
            return [each.exception() or each.result() for each in asked]

    return ask


def test_callers_that_arrive_meanwhile_share_the_next_query(ask, answers):
    found = ask(["a"], ["b"], ["c", "a"], ["b", "unknown"])
    assert found == [{"a": "A"}, {"b": "B"}, {"c": "C", "a": "A"}, {"b": "B"}]
    assert answers.questions == [["a"], ["a", "b", "c", "unknown"]]


def test_a_caller_gets_no_answer_from_before_its_call(together, answers):
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(together.get_many, ["a"])
        assert answers.asked.wait(10)
        answers.letters["a"] = "changed"
        second = pool.submit(together.get_many, ["a"])
        answers.told.set()
        assert first.result() == {"a": "A"}
        assert second.result() == {"a": "changed"}


def test_a_bad_id_fails_its_own_caller_alone(ask, answers):
    first, bad, good = ask(["a"], ["bad"], ["b"])
    assert (first, str(bad), good) == ({"a": "A"}, "bad", {"b": "B"})
    assert answers.questions[:2] == [["a"], ["b", "bad"]]


def test_a_store_that_does_not_answer_is_not_asked_once_more_for_each(ask, answers, together):
    answers.fails = Unavailable("It does not answer.")
    first, *others = ask(["a"], ["bad"], ["b"])
    assert first == {"a": "A"}
    assert others == [answers.fails] * 2
    assert answers.questions == [["a"], ["b", "bad"]]
    assert together.get_many(["c"]) == {"c": "C"}


def test_all_of_many_steady_callers_are_answered(together, answers):
    answers.told.set()

    def often(number):
        return [together.get_many(["abc"[number % 3]]) for _ in range(200)]

    found = at_once(8, often)
    for number, each in enumerate(found):
        letter = "abc"[number % 3]
        assert each == [{letter: letter.upper()}] * 200


def test_accounts_are_read_together_and_as_they_are_then():
    store = InMemoryAccountStore(decide)
    books = Books(GroupCommit(store))
    opened = books.ask(OpenAccount("ada", "Main", "EUR")).recorded.entry.id
    account = store.account(opened)
    assert account is not None
    for name in (opened, account.number):
        needs = Needs(accounts=frozenset((name,)))
        assert books.store.load(needs) == store.load(needs)
    assert books.store.account("unknown") is None
