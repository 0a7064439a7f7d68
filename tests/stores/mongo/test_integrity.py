"""`accounts verify` on MongoDB: each alteration by hand is found and named."""

from contextlib import closing
from typing import Any

import pytest
from bson.int64 import Int64
from msgspec.structs import replace

from accounts_bank.ledger.entries import digest_of
from tests.stores.altered import MongoBank


@pytest.fixture
def altered(new_database, mongo):
    with closing(MongoBank(new_database("mongo"), mongo.url("bank_0"))) as bank:
        assert bank.fault() is None
        yield bank


ONE = Int64(1)
SENT = {"entry_id": "sent-20"}
HELD, PLANNED, SENT_ID = {"_id": "held"}, {"_id": "planned"}, {"_id": "sent-20"}
WRONGS: list[tuple[str, dict[str, Any], Any, str]] = [
    ("lines", SENT, {"$inc": {"amount_minor": ONE}}, "says a balance of"),
    ("lines", SENT, {"$inc": {"balance_minor": ONE}}, "says a balance of"),
    ("lines", SENT, {"$set": {"amount_minor": 20.5}}, "20.5 is no whole number"),
    ("lines", SENT, {"$set": {"reference": "gift"}}, "entry sent-20"),
    ("lines", SENT, {"$unset": {"kind": ""}}, "kind is missing"),
    ("lines", SENT, None, "where line"),
    ("lines", {"_id.account_id": "bob", "_id.number": 4}, None, "it counts 4"),
    ("accounts", {"_id": "bob"}, {"$inc": {"balance_minor": ONE}}, "lines that sum to"),
    ("accounts", {"_id": "till-eur-0"}, {"$inc": {"balance_minor": ONE}}, "lines that sum to"),
    ("accounts", {"_id": "bob"}, {"$set": {"held_minor": ONE}}, "held amount"),
    ("accounts", {"_id": "ada"}, {"$inc": {"held_minor": -ONE}}, "held amount"),
    ("accounts", {"_id": "bob"}, {"$set": {"line_count": Int64(7)}}, "it counts 7"),
    ("accounts", {"_id": "bob"}, {"$set": {"currency": "USD"}}, "balances in EUR sum to"),
    ("accounts", {"_id": "bob"}, None, "which does not exist"),
    ("entries", {"_id": "sent-1000"}, {"$set": {"status": "recorded"}}, "entry sent-1000: it was"),
    ("entries", {"_id": "sent-1000"}, {"$set": {"status": "unheard_of"}}, "cannot be read"),
    ("entries", {"_id": "sent-1000"}, {"$set": {"action": "{}"}}, "cannot be read"),
    ("entries", {"_id": "sent-1000"}, None, "sent-1000, which is not in the journal"),
    ("entries", {"_id": "sent-20"}, {"$set": {"caller_id": "eve"}}, "entry sent-20"),
    ("entries", {"_id": "sent-20"}, {"$set": {"digest": "f"}}, "entry sent-20: it was changed"),
    ("entries", {"_id": "sent-20"}, {"$pop": {"lines": 1}}, "entry sent-20"),
    ("entries", {"_id": "sent-20"}, None, "2 lines belong to no entry"),
    ("customers", {"_id": "owner-ada"}, {"$inc": {"open_accounts": ONE}}, "the customers count"),
    ("progress", HELD, {"$inc": {"amount_minor": -ONE}}, "hold held: the journal"),
    ("progress", HELD, {"$inc": {"done_minor": ONE}}, "hold held: the journal"),
    (
        "progress",
        HELD,
        {"$set": {"stage": "voided"}, "$unset": {"due_at": ""}},
        "hold held: the journal",
    ),
    ("progress", HELD, {"$inc": {"due_at": ONE}}, "hold held: it is due"),
    ("progress", HELD, None, "hold held: the journal"),
    ("progress", PLANNED, {"$set": {"account_id": "bob"}}, "does not pay for it"),
    ("progress", PLANNED, {"$inc": {"done_count": ONE}}, "schedule planned: the journal"),
    ("progress", PLANNED, {"$inc": {"due_at": ONE}}, "schedule planned: it is due"),
    ("progress", PLANNED, None, "schedule planned: the journal"),
    ("entries", HELD, {"$unset": {"mentions": ""}}, "hold held is mentioned under"),
    ("entries", PLANNED, {"$set": {"mentions": ["owner-eve"]}}, "planned is mentioned under owner"),
    ("entries", SENT_ID, {"$pop": {"mentions": 1}}, "sent-20 is mentioned"),
    ("entries", SENT_ID, {"$push": {"mentions": "owner-eve"}}, "mentioned under owner-eve"),
    ("entries", SENT_ID, {"$push": {"mentions": "owner-bob"}}, "mentioned under owner-bob"),
    ("entries", SENT_ID, {"$set": {"kind": "hold"}}, "transfer sent-20 is mentioned under"),
]


@pytest.mark.parametrize(("collection", "which", "change", "fault"), WRONGS)
def test_an_alteration_by_hand_is_found_and_named(altered, collection, which, change, fault):
    altered.change(collection, which, change)
    assert fault in altered.fault()


def test_a_line_that_was_renumbered_is_found(altered):
    altered.renumber("bob", 4, 9)
    assert "line 9 stands where" in altered.fault()


def test_money_from_nowhere_is_found_where_balance_and_digest_agree(altered):
    kept, bob = altered.store.entry("taken"), altered.books.opened["bob"]
    lines = tuple(
        replace(line, amount_minor=line.amount_minor + 1, balance_minor=line.balance_minor + 1)
        if line.account_id == bob
        else line
        for line in kept.lines
    )
    more = {"$inc": {"amount_minor": ONE, "balance_minor": ONE}}
    altered.change("lines", {"entry_id": "taken", "_id.account_id": "bob"}, more)
    altered.change("accounts", {"_id": "bob"}, {"$inc": {"balance_minor": ONE}})
    digest = digest_of(replace(kept, lines=lines))
    altered.change("entries", {"_id": "taken"}, {"$set": {"digest": digest}})
    assert "entry taken: its lines do not sum to zero" in altered.fault()


def test_an_entry_and_its_digest_altered_together_differ_from_the_audit_log(altered):
    forged = replace(altered.store.entry("sent-1000"), details=(("shortfall_minor", 1),))
    forgery = {"details": '[["shortfall_minor",1]]', "digest": digest_of(forged)}
    altered.change("entries", {"_id": "sent-1000"}, {"$set": forgery})
    assert "transfer sent-1000, was changed: its hash differs" in altered.fault()
