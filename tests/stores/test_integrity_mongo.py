"""The self-check on MongoDB: whatever is altered by hand is found and named."""

from typing import Any

import pytest
from bson.int64 import Int64
from msgspec.structs import replace
from pymongo import MongoClient

from accounts.ledger.decide import decide
from accounts.ledger.entries import digest_of
from accounts.stores.mongo import MongoAccountStore, MongoDatabase, MongoUserStore
from tests.stores.test_integrity import Bank


class MongoBank(Bank):
    """A bank in MongoDB, and a hand that reaches into it past its validators."""

    def __init__(self, database: MongoDatabase, url: str) -> None:
        self.filled(MongoAccountStore(database, decide), MongoUserStore(database))
        self.client = MongoClient[Any](url)
        self.raw = self.client.get_default_database()

    def change(self, collection: str, which: dict[str, Any], change: Any) -> None:
        """Change documents, or remove them where the change is None."""
        each = self.raw[collection]
        which = {key: self.books.opened.get(value, value) for key, value in which.items()}
        if change is None:
            assert each.delete_many(which).deleted_count
        else:
            done = self.raw.command(
                "update",
                collection,
                updates=[{"q": which, "u": change, "multi": True}],
                bypassDocumentValidation=True,
            )
            assert done["nModified"]

    def renumber(self, account: str, number: int, other: int) -> None:
        line_id = {"account_id": self.books.opened[account], "number": Int64(number)}
        line = self.raw["lines"].find_one_and_delete({"_id": line_id})
        self.raw["lines"].insert_one(line | {"_id": line_id | {"number": Int64(other)}})


@pytest.fixture
def altered(new_database, mongo):
    bank = MongoBank(new_database("mongo"), mongo.url("bank_0"))
    assert bank.verifier.verify().ok
    yield bank
    bank.client.close()
    bank.sealer.close()


ONE = Int64(1)
SENT = {"entry_id": "sent-20"}
WRONGS: list[tuple[str, dict[str, Any], Any, str]] = [
    ("lines", SENT, {"$inc": {"amount_minor": ONE}}, "says a balance of"),
    ("lines", SENT, {"$set": {"amount_minor": 20.5}}, "20.5 is no whole number"),
    ("lines", SENT, {"$set": {"reference": "gift"}}, "entry sent-20"),
    ("lines", SENT, {"$unset": {"kind": ""}}, "kind is missing"),
    ("lines", SENT, None, "where line"),
    ("lines", {"_id.account_id": "bob", "_id.number": 4}, None, "it counts 4"),
    ("accounts", {"_id": "bob"}, {"$inc": {"balance_minor": ONE}}, "lines that sum to"),
    ("accounts", {"_id": "till-eur-0"}, {"$inc": {"balance_minor": ONE}}, "lines that sum to"),
    ("accounts", {"_id": "bob"}, {"$set": {"held_minor": ONE}}, "what is held"),
    ("accounts", {"_id": "bob"}, {"$set": {"line_count": Int64(7)}}, "it counts 7"),
    ("accounts", {"_id": "bob"}, {"$set": {"currency": "USD"}}, "balances in EUR sum to"),
    ("accounts", {"_id": "bob"}, None, "which does not exist"),
    ("entries", {"_id": "sent-1000"}, {"$set": {"status": "recorded"}}, "entry sent-1000: it is"),
    ("entries", {"_id": "sent-1000"}, {"$set": {"status": "unheard_of"}}, "cannot be read"),
    ("entries", {"_id": "sent-1000"}, {"$set": {"action": "{}"}}, "cannot be read"),
    ("entries", {"_id": "sent-1000"}, None, "sent-1000, which is not in the journal"),
    ("entries", {"_id": "sent-20"}, {"$set": {"caller_id": "eve"}}, "entry sent-20"),
    ("entries", {"_id": "sent-20"}, {"$pop": {"lines": 1}}, "entry sent-20"),
    ("entries", {"_id": "sent-20"}, None, "2 lines belong to no entry"),
    ("customers", {"_id": "owner-ada"}, {"$inc": {"open_accounts": ONE}}, "the customers count"),
]


@pytest.mark.parametrize(("collection", "which", "change", "fault"), WRONGS)
def test_what_is_altered_by_hand_is_found_and_named(altered, collection, which, change, fault):
    altered.change(collection, which, change)
    assert fault in altered.fault()


def test_a_line_that_was_renumbered_is_found(altered):
    altered.renumber("bob", 4, 9)
    assert "line 9 stands where" in altered.fault()


def test_an_entry_and_its_digest_altered_together_differ_from_the_audit_log(altered):
    forged = replace(altered.store.entry("sent-1000"), details=(("shortfall_minor", 1),))
    forgery = {"details": '[["shortfall_minor",1]]', "digest": digest_of(forged)}
    altered.change("entries", {"_id": "sent-1000"}, {"$set": forgery})
    assert "and the journal differ about entry sent-1000" in altered.fault()


def test_an_entry_that_the_audit_log_never_heard_of_is_found(altered):
    altered.books.send("ada", "bob", 1, entry_id="unheard")
    altered.change("entries", {"_id": "unheard"}, {"$unset": {"place": ""}})
    assert "1 are missing" in altered.fault()
