"""`accounts verify`: right books are right, and each alteration by hand is found and named."""

import json
from contextlib import closing

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.entries import digest_of
from accounts_bank.ledger.integrity.proof import prove
from tests.stores.altered import SqlBank, fill
from tests.stores.books import Books


def test_right_books_are_right_in_every_store(account_store):
    fill(Books(account_store))
    with account_store.ledger() as ledger:
        counts = prove(ledger)
    assert (counts.accounts, counts.entries, counts.lines) == (4, 13, 10)
    assert (counts.customers, counts.sums_minor) == (3, {"EUR": 0})


def test_the_books_are_read_as_of_one_moment(account_store):
    books = Books(account_store)
    fill(books)
    with account_store.ledger() as ledger:
        books.send("ada", "bob", 1)
        prove(ledger)
    with account_store.ledger() as ledger:
        assert prove(ledger).lines == 12


@pytest.fixture(params=["sqlite", "postgres"])
def altered(request, new_database):
    with closing(SqlBank(new_database(request.param))) as bank:
        assert bank.fault() is None
        yield bank


WRONGS = [
    (
        "UPDATE lines SET amount_minor = amount_minor + 1 WHERE entry_id = 'sent-20'",
        "says a balance of",
    ),
    (
        "UPDATE lines SET balance_minor = balance_minor + 1 WHERE entry_id = 'sent-20'",
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
    ("UPDATE lines SET at = at - 99000000 WHERE account_id = :bob AND number = 3", "earlier time"),
    ("UPDATE accounts SET held_minor = 1 WHERE id = :bob", "held amount"),
    ("UPDATE accounts SET held_minor = held_minor - 1 WHERE id = :ada", "held amount"),
    ("UPDATE accounts SET line_count = 7 WHERE id = :bob", "it counts 7"),
    ("UPDATE accounts SET currency = 'USD' WHERE id = :bob", "balances in EUR sum to"),
    ("UPDATE entries SET action = replace(action, '20', '21') WHERE id = 'sent-20'", "digest"),
    (
        """UPDATE entries SET action = replace(action, '"7"', '"8"') WHERE id = 'held'""",
        "entry held: it was changed: its digest differs",
    ),
    ("UPDATE entries SET digest = 'f' WHERE id = 'sent-20'", "entry sent-20: it was changed"),
    ("UPDATE entries SET status = 'recorded' WHERE id = 'sent-1000'", "entry sent-1000: it was"),
    ("UPDATE entries SET status = 'unheard_of' WHERE id = 'sent-1000'", "cannot be read"),
    ("UPDATE entries SET caller_id = 'eve' WHERE id = 'sent-20'", "entry sent-20"),
    ("UPDATE lines SET reference = 'gift' WHERE entry_id = 'sent-20'", "entry sent-20"),
    ("DELETE FROM entries WHERE id = 'sent-20'", "2 lines belong to no entry"),
    ("DELETE FROM entries WHERE id = 'sent-1000'", "sent-1000, which is not in the journal"),
    ("UPDATE customers SET open_accounts = 2 WHERE id = 'owner-ada'", "the customers count"),
    ("DELETE FROM accounts WHERE id = :bob", "which does not exist"),
    ("UPDATE progress SET amount_minor = 14 WHERE entry_id = 'held'", "hold held: the journal"),
    ("UPDATE progress SET done_minor = 1 WHERE entry_id = 'held'", "hold held: the journal"),
    (
        "UPDATE progress SET stage = 'voided', due_at = NULL WHERE entry_id = 'held'",
        "hold held: the journal",
    ),
    ("UPDATE progress SET due_at = due_at + 1 WHERE entry_id = 'held'", "hold held: it is due"),
    ("UPDATE progress SET account_id = :bob WHERE entry_id = 'planned'", "does not pay for it"),
    ("UPDATE progress SET done_count = 1 WHERE entry_id = 'planned'", "schedule planned: the jour"),
    (
        "UPDATE progress SET due_at = due_at + 1 WHERE entry_id = 'planned'",
        "schedule planned: it is due",
    ),
    ("DELETE FROM progress WHERE entry_id = 'held'", "hold held: the journal"),
    ("DELETE FROM progress WHERE entry_id = 'planned'", "schedule planned: the journal"),
    ("DELETE FROM mentions WHERE entry_id = 'sent-20'", "transfer sent-20 is mentioned under"),
    ("DELETE FROM mentions WHERE entry_id = 'planned'", "schedule planned is mentioned under"),
    (
        "UPDATE mentions SET of_id = 'owner-eve' WHERE entry_id = 'held' AND of_id = 'owner-bob'",
        "hold held is mentioned under owner-",
    ),
    ("UPDATE mentions SET at = at + 1 WHERE entry_id = 'sent-20'", "transfer sent-20 is mentioned"),
    ("UPDATE mentions SET kind = 'hold' WHERE entry_id = 'sent-20'", "sent-20 is mentioned under"),
    (
        """INSERT INTO mentions SELECT 'owner-eve', kind, at, entry_id FROM mentions
        WHERE entry_id = 'sent-20' AND of_id = 'owner-bob'""",
        "transfer sent-20 is mentioned under owner-eve",
    ),
    (
        """INSERT INTO mentions SELECT of_id, kind, at, 'zz' FROM mentions
        WHERE entry_id = 'planned'""",
        "schedule zz is mentioned under owner-ada, which is not in the journal",
    ),
]


@pytest.mark.parametrize(("statement", "fault"), WRONGS)
def test_an_alteration_by_hand_is_found_and_named(altered, statement, fault):
    altered.alter(statement)
    assert fault in altered.fault()


def test_money_from_nowhere_is_found_where_balance_and_digest_agree(altered):
    kept = altered.store.entry("taken")
    lines = tuple(
        replace(line, amount_minor=line.amount_minor + 1, balance_minor=line.balance_minor + 1)
        if line.account_id == altered.books.opened["bob"]
        else line
        for line in kept.lines
    )
    altered.alter("UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id = :bob")
    altered.alter(
        """UPDATE lines SET balance_minor = balance_minor + 1, amount_minor = amount_minor + 1
        WHERE entry_id = 'taken' AND account_id = :bob"""
    )
    digest = digest_of(replace(kept, lines=lines))
    altered.alter("UPDATE entries SET digest = :digest WHERE id = 'taken'", digest=digest)
    assert "entry taken: its lines do not sum to zero" in altered.fault()


def test_an_entry_and_its_digest_altered_together_differ_from_the_audit_log(altered):
    forged = replace(altered.store.entry("sent-1000"), details=(("shortfall_minor", 1),))
    altered.alter(
        "UPDATE entries SET details = :details, digest = :digest WHERE id = 'sent-1000'",
        details=json.dumps([["shortfall_minor", 1]]),
        digest=digest_of(forged),
    )
    assert altered.fault() == "number 6, transfer sent-1000, was changed: its hash differs"
