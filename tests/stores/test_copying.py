"""Moving house: whatever one store keeps, another one keeps afterwards, and goes on with it."""

import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from accounts_bank.errors import SettingsError
from accounts_bank.identity import Event, Session, User
from accounts_bank.ledger.actions import (
    CloseAccount,
    Deposit,
    Every,
    Hold,
    OpenAccount,
    Reversal,
    Schedule,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.observability.observer import Observer
from accounts_bank.stores import memory, mongo, sql
from accounts_bank.stores import migration as copying
from accounts_bank.stores.factory import copy_stores
from accounts_bank.stores.memory import InMemoryAccountStore
from accounts_bank.stores.migration import copied
from accounts_bank.stores.sql import Database
from tests.helpers import START
from tests.stores.books import EVER, Books
from tests.system.servers import ACCOUNTS

KINDS = ["memory", "sqlite", "postgres", "mongo"]


@pytest.fixture
def new_stores(new_database):
    """Make an empty pair of stores."""

    def new_stores(kind):
        if kind == "memory":
            return memory.open_stores("memory://", Observer())
        database = new_database(kind)
        return mongo._stores(database) if kind == "mongo" else sql._stores(database)

    return new_stores


def user(number: int, **more: Any) -> User:
    name = f"user{number}"
    given = {"id": name, "username": name, "full_name": None, "password_hash": "h", **more}
    return User(created_at=START, **given)


def fill(stores) -> Books:
    """Do a little of everything, and seal it."""
    users, accounts, journal, *_ = stores
    ada = user(0, sessions=(Session("s", "r", START),), full_name="Ada é\u2028")
    users.put([ada, *(user(number) for number in range(1, 8))])
    users.put([user(1, version=2)], [Event("e", "login", START, "user1", None)])
    users.put([user(2, version=2, username="", deleted_at=START)])
    journal.seal(100)
    books = Books(accounts)
    books.given(ada=100, bob=5, eve=0)
    for amount_minor in (10, 1000, 20, 30):
        books.send("ada", "bob", amount_minor, entry_id=f"sent-{amount_minor}")
    payer, payee = books.opened["ada"], books.opened["bob"]
    for number in range(12):  # more than one batch of entries, on one account
        books.ask(Deposit(payer, 1, "EUR"), entry_id=f"zz-{99 - number}")
    books.ask(Hold(payer, payee, 7, "EUR", 60), entry_id="held", at=START)
    books.ask(Schedule(payer, payee, 1, "EUR", START, Every.DAY), entry_id="daily")
    books.ask(Reversal("sent-20", payee, payer, 5))
    books.ask(Withdrawal(payee, 1, "EUR"))
    books.ask(CloseAccount(books.opened["eve"], "owner-eve"))
    journal.seal(1000)
    journal.advance("audit_log:x", 7)
    return books


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    monkeypatch.setattr(copying, "AT_ONCE", 3)


@pytest.mark.parametrize("to_kind", KINDS)
@pytest.mark.parametrize("from_kind", KINDS)
def test_every_store_can_be_copied_to_every_other(new_stores, from_kind, to_kind):
    source, target = new_stores(from_kind), new_stores(to_kind)
    books = fill(source)
    steps = list(copied(source, target))
    assert steps[-1][0] == steps[-1][1] == steps[0][1] > 60
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    goes_on(books, source, target)


def goes_on(books: Books, source, target) -> None:
    """Check that the target answers as the source does, and decides what comes next."""
    (users, accounts, journal, *_), (other_users, other, goes_on, *_) = source, target
    assert goes_on.sealed_after(0, 999) == journal.sealed_after(0, 999) != []
    assert (goes_on.head(), goes_on.cursors()) == (journal.head(), {"audit_log:x": 7})
    assert goes_on.bank_id == journal.bank_id
    assert goes_on.backlog(9) == (0, None)
    assert other_users.user_named("user0") == users.user_named("user0")
    assert other_users.user_named("user2") is None
    assert other_users.put([user(1, version=3)]) == ["saved"]
    assert other_users.put([user(9, username="USER3")]) == ["username_taken"]
    ada = books.opened["ada"]
    for each in (accounts, other):
        assert len(each.lines(ada, before=None, period=EVER, limit=99)) == 17
    later = START + timedelta(days=9)
    assert other.due(later, limit=9) == accounts.due(later, limit=9) != []
    for kind in ("transfer", "reversal"):
        of = ("owner-ada", kind)
        found = [each.entries_of(*of, before=None, limit=9) for each in (accounts, other)]
        assert found[0] == found[1]
    assert len(other.entries_of("owner-ada", "transfer", before=None, limit=9)) == 3
    moved = Books(other)
    moved.opened, moved.owners, moved.ids = books.opened, books.owners, books.ids
    assert moved.ask(moved.transfer("ada", "bob", 10), entry_id="sent-10").replayed
    assert moved.send("ada", "bob", 3) == "recorded"
    with other.ledger() as ledger:
        assert prove(ledger).lines > 0


def test_nothing_is_copied_that_the_audit_log_has_not_seen(new_stores):
    for forgotten in ("entry", "event"):
        source, target = new_stores("memory"), new_stores("memory")
        books = fill(source)
        if forgotten == "entry":
            books.ask(OpenAccount("ada", "Main", "EUR"))
        else:
            source[0].put([user(1, version=3)], [Event("f", "login", START, "user1", None)])
        with pytest.raises(SettingsError, match="not in the audit log yet"):
            list(copied(source, target))
        assert target[0].users_after("", limit=1) == []


def test_wrong_books_are_not_copied(new_stores):
    source = new_stores("memory")
    books = fill(source)
    account = source[1].account(books.opened["bob"])
    source[1]._accounts[account.id] = replace(account, balance_minor=1)
    with pytest.raises(SettingsError, match="The books are wrong, and not copied: account"):
        list(copied(source, new_stores("memory")))


class Forgetful(InMemoryAccountStore):
    """Loses one thing."""

    def restore(self, changes):
        super().restore(replace(changes, entry_refs=changes.entry_refs[1:]))


def test_a_copy_that_differs_is_told(new_stores):
    source = new_stores("memory")
    fill(source)
    target = new_stores("memory")
    with pytest.raises(SettingsError, match="The copy differs in its entry_refs"):
        list(copied(source, target._replace(accounts=Forgetful(decide, target.journal))))


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def urls(request, new_database, tmp_path):
    """Fill a database; give its URL and that of an empty one of each other kind in turn."""
    source = new_database("sqlite")
    fill(sql._stores(source))
    target = new_database(request.param)
    if isinstance(target, Database):
        return str(source.url), target.url.render_as_string(hide_password=False)
    return str(source.url), request.getfixturevalue("mongo").url("bank_1")


def opens(url: str) -> bool:
    return any(copy_stores(url, f"sqlite:///copy-{time.monotonic_ns()}.db"))


def test_a_copy_that_is_broken_off_is_not_opened_and_is_begun_again(urls):
    from_url, to_url = urls
    steps = copy_stores(from_url, to_url)
    for _ in range(12):
        next(steps)
    steps.close()  # type: ignore[attr-defined]  # as an interruption does
    with pytest.raises(SettingsError, match="was broken off: run `accounts copy` again"):
        opens(to_url)
    list(copy_stores(from_url, to_url))
    assert opens(to_url)


def test_a_target_that_is_not_empty_is_left_alone(urls):
    from_url, to_url = urls
    list(copy_stores(from_url, to_url))
    with pytest.raises(SettingsError, match="holds something already: name an empty one"):
        list(copy_stores(from_url, to_url))
    assert opens(to_url)


def test_a_bank_in_memory_is_neither_source_nor_target():
    for urls in (("memory://", "sqlite:///a.db"), ("sqlite:///a.db", "memory://")):
        with pytest.raises(SettingsError, match="memory:// is in its own process"):
            list(copy_stores(*urls))
    assert not Path("a.db").exists()


def test_a_bank_moves_house_and_its_audit_log_goes_on():
    run(["users", "create", "ada"], "sqlite:///one.db", given="correct horse\n")
    assert "Copied and compared" in run(["copy", "sqlite:///one.db", "sqlite:///two.db"])
    assert "The books are right" in run(["verify"], "sqlite:///two.db")
    run(["users", "create", "bob"], "sqlite:///two.db", given="correct horse\n")
    assert "2 lines" in run(["audit", "verify"])


def run(arguments: list[str], url: str = "memory://", given: str = "") -> str:
    environment = {"ACCOUNTS_STORE_URL": url}
    done = subprocess.run(
        [ACCOUNTS, *arguments],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
