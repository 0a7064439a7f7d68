"""The self-check: right books are right, and whatever is altered by hand is found and named."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from accounts.audit.log import AuditLog
from accounts.audit.sealer import Sealer
from accounts.audit.verifier import Verifier
from accounts.ledger.actions import CloseAccount, RenameAccount, Withdrawal
from accounts.ledger.decide import decide
from accounts.ledger.entries import digest_of
from accounts.ledger.proof import prove
from accounts.stores.base import AccountStore, UserStore
from accounts.stores.sql import Database, SqlAccountStore, SqlUserStore
from tests.stores.books import Books


def fill(books: Books) -> None:
    books.given(ada=100, bob=0, eve=0)
    for amount_minor in (10, 1000, 20, 30):
        books.send("ada", "bob", amount_minor, entry_id=f"sent-{amount_minor}")
    books.ask(Withdrawal(books.opened["bob"], 5, "EUR"))
    books.ask(RenameAccount(books.opened["bob"], "Other"))
    books.ask(CloseAccount(books.opened["eve"], "owner-eve"))


def test_right_books_are_right_in_every_store(account_store):
    fill(Books(account_store))
    with account_store.ledger() as ledger:
        counts = prove(ledger)
    assert (counts.accounts, counts.entries, counts.lines) == (4, 11, 10)
    assert (counts.customers, counts.sums_minor) == (3, {"EUR": 0})


def test_the_books_are_read_as_of_one_moment(account_store):
    books = Books(account_store)
    fill(books)
    with account_store.ledger() as ledger:
        books.send("ada", "bob", 1)
        prove(ledger)
    with account_store.ledger() as ledger:
        assert prove(ledger).lines == 12


class Bank:
    """A bank in a database, and a hand that reaches into it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.filled(SqlAccountStore(database, decide), SqlUserStore(database))

    def filled(self, store: AccountStore, users: UserStore) -> None:
        self.store, self.books = store, Books(store)
        fill(self.books)
        log = AuditLog(Path("audit.log"))
        self.sealer = Sealer(log, (store, users), in_background=lambda: False)
        self.verifier = Verifier(store, self.sealer, None)

    def alter(self, statement: str, **given: object) -> None:
        with self.database.engine.begin() as connection:
            if self.database.is_sqlite:
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            assert connection.execute(text(statement), given).rowcount > 0

    def fault(self) -> str:
        return self.verifier.verify().fault


@pytest.fixture(params=["sqlite", "postgres"])
def altered(request, new_database):
    bank = Bank(new_database(request.param))
    assert bank.verifier.verify().ok
    yield bank
    bank.sealer.close()


WRONGS = [
    (
        "UPDATE lines SET amount_minor = amount_minor + 1 WHERE entry_id = 'sent-20'",
        "says a balance of",
    ),
    ("UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id = :bob", "lines that sum to"),
    (
        "UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id LIKE 'till%'",
        "lines that sum to",
    ),
    ("DELETE FROM lines WHERE entry_id = 'sent-20'", "where line"),
    ("DELETE FROM lines WHERE account_id = :bob AND number = 4", "it counts 4"),
    ("UPDATE lines SET number = 9 WHERE account_id = :bob AND number = 4", "line 9 stands where"),
    ("UPDATE accounts SET held_minor = 1 WHERE id = :bob", "what is held"),
    ("UPDATE accounts SET line_count = 7 WHERE id = :bob", "it counts 7"),
    ("UPDATE accounts SET currency = 'USD' WHERE id = :bob", "balances in EUR sum to"),
    ("UPDATE entries SET action = replace(action, '20', '21') WHERE id = 'sent-20'", "digest"),
    ("UPDATE entries SET status = 'recorded' WHERE id = 'sent-1000'", "entry sent-1000: it is not"),
    ("UPDATE entries SET status = 'unheard_of' WHERE id = 'sent-1000'", "cannot be read"),
    ("UPDATE entries SET caller_id = 'eve' WHERE id = 'sent-20'", "entry sent-20"),
    ("UPDATE lines SET reference = 'gift' WHERE entry_id = 'sent-20'", "entry sent-20"),
    ("DELETE FROM entries WHERE id = 'sent-20'", "2 lines belong to no entry"),
    ("DELETE FROM entries WHERE id = 'sent-1000'", "sent-1000, which is not in the journal"),
    ("UPDATE customers SET open_accounts = 2 WHERE id = 'owner-ada'", "the customers count"),
    ("DELETE FROM accounts WHERE id = :bob", "which does not exist"),
]


@pytest.mark.parametrize(("statement", "fault"), WRONGS)
def test_what_is_altered_by_hand_is_found_and_named(altered, statement, fault):
    given = {"bob": altered.books.opened["bob"]} if ":bob" in statement else {}
    altered.alter(statement, **given)
    assert fault in altered.fault()


def test_an_entry_and_its_digest_altered_together_differ_from_the_audit_log(altered):
    forged = replace(altered.store.entry("sent-1000"), details=(("shortfall_minor", 1),))
    altered.alter(
        "UPDATE entries SET details = :details, digest = :digest WHERE id = 'sent-1000'",
        details=json.dumps([["shortfall_minor", 1]]),
        digest=digest_of(forged),
    )
    assert "and the journal differ about entry sent-1000" in altered.fault()


def test_an_entry_that_the_audit_log_never_heard_of_is_found(altered):
    altered.books.send("ada", "bob", 1, entry_id="unheard")
    altered.alter("DELETE FROM unsealed_entries WHERE entry_id = 'unheard'")
    assert "1 are missing" in altered.fault()


def test_a_line_of_the_audit_log_that_is_altered_is_found(altered):
    path = Path("audit.log")
    path.write_text(path.read_text().replace("funds_insufficient", "account_frozen____"))
    assert "was altered after it was written" in altered.fault()


def test_a_log_whose_first_part_is_away_is_compared_from_there_on(altered):
    Path("audit.log").rename("old.log")
    altered.books.send("ada", "bob", 1)
    assert altered.fault() is None


def test_rotated_parts_beside_the_log_are_proven_with_it(altered):
    Path("audit.log").rename("audit.log.1")
    altered.books.send("ada", "bob", 1)
    report = altered.verifier.verify()
    assert (report.ok, report.audit_lines) == (True, 12)
    Path("audit.log.1").write_text("")
    assert altered.verifier.verify().ok
