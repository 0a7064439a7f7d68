"""MongoDB: the queries go by indexes; a name is never a query."""

import itertools
from datetime import timedelta

from msgspec.structs import replace

from accounts_bank.errors import BulkTooLarge, Unavailable
from accounts_bank.identity import Event, User
from accounts_bank.ledger.actions import Deposit, Hold, Void
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Needs
from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.ledger.values import Period
from accounts_bank.stores.mongo import (
    MongoAccountStore,
    MongoUserStore,
    database,
    schema,
)
from tests.helpers import START
from tests.stores.books import EVER, Books
from tests.stores.journals import journal_of, sealed
from tests.stores.mongo.helpers import NAME
from tests.waiting import within


def test_names_are_never_questions(books):
    for name in ('{"$gt": ""}', "$where", "$ne"):
        assert books.store.account(name) is None
        assert books.send("ada", "bob", 1, entry_id=name) == "recorded"
        assert books.store.entry(name).entry.id == name
    assert books.store.accounts_of('{"$gt": ""}', after=None, limit=9) == []


def everything_that_a_route_asks(store: MongoAccountStore, users: MongoUserStore) -> None:
    """Ask each query, in each form that it has, of collections in which it matters."""
    books = Books(store)
    books.given(**{f"user{n}": 50 for n in range(20)})
    names = list(books.opened)
    moment = START + timedelta(seconds=60)
    for payer, payee in itertools.pairwise(names):
        books.send(payer, payee, 1)
        ask = books.transfer(payer, payee, 1)
        books.ask(Hold(ask.from_account, ask.to_account, 1, "EUR", expires_in_s=9))
    held = store.entries_of("owner-user1", "hold", before=None, limit=1)[0].entry.id
    books.ask(Void(held, books.opened["user1"]))
    account = books.opened["user1"]
    both = frozenset((account, store.account(account).number))
    store.load(Needs(both, frozenset(("x",)), captures=frozenset((held,))))
    for after in (None, account):
        store.accounts_of("owner-user1", after=after, limit=2)
    for period in (EVER, Period(since=moment), Period(until=moment), Period(START, moment)):
        for before in (None, 3):
            store.lines(account, before=before, period=period, limit=2)
    store.entries_of("owner-user1", "transfer", before=None, limit=2)
    store.entries_of("owner-user1", "transfer", before=(moment, "x"), limit=2)
    store.entries_of("owner-user1", "transfer", before=None, limit=2, since=moment)
    store.entries_of("owner-user1", "transfer", before=(moment, "x"), limit=2, since=START)
    store.due(moment, limit=2)
    sealed(store)
    with store.ledger() as ledger:
        prove(ledger)
    for n in range(20):
        user = User(id=f"{n}", username=f"u{n}", full_name=None, password_hash="", created_at=START)
        users.put([user], [Event(f"{n}", "login", START, None, None)])
    users.users(["1", "2"])
    users.user_named("u7")
    users.users_after("5", limit=2)
    sealed(store)
    journal = journal_of(store)
    journal.cursor("log")
    rows = [FeedRow(n, f"o{n % 5}", f"a{n}", f"t{n % 2}", f"e{n}") for n in range(1, 21)]
    assert journal.list_events(rows, 0, journal.numbered(20, 1)[0])
    assert journal.listed() == 20
    for owner, some, kind in itertools.product((None, "o1"), (None, ("a6", "a7")), (None, "t0")):
        assert journal.find_events(FeedQuery(3, 2, owner, some, kind))


def test_every_query_of_every_route_goes_by_an_index(opened, raw):
    profile = raw[NAME]["system.profile"]
    raw[NAME].command("profile", 2, filter={"op": {"$in": ["query", "update", "remove"]}})
    try:
        everything_that_a_route_asks(MongoAccountStore(opened, decide), MongoUserStore(opened))
    finally:
        raw[NAME].command("profile", 0)
    asked = list(profile.find({"ns": {"$regex": rf"^{NAME}\.(?!system|meta)"}}))
    profile.drop()
    assert {each["ns"].partition(".")[2] for each in asked} == set(schema.SCHEMAS) - {"meta"}
    for each in asked:
        plan = each.get("planSummary", "IDHACK")
        assert "IXSCAN" in plan or plan in {"IDHACK", "EXPRESS"}, each["command"]
        wants_sort = each.get("hasSortStage") and "place" not in each["command"].get("filter", {})
        assert not wants_sort, each["command"]
        found = each.get("nreturned", 0) + each.get("nModified", 0) + each.get("ndeleted", 0)
        assert each.get("docsExamined", 0) <= found + 1, each["command"]


def test_a_batch_larger_than_the_cache_is_refused_at_once_and_for_good(books, monkeypatch):
    """Half a thousand transfers are as large here as ten thousand are for the least of caches."""
    monkeypatch.setattr(database, "DEADLINE_S", 60)
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 60)
    reference = "r" * 150_000
    ask = replace(books.transfer("ada", "bob", 1), reference=reference)
    batch = [books.entry(ask) for _ in range(500)]
    books.ask(Deposit(books.opened["ada"], 1_000, "EUR"))

    def is_too_large():
        try:
            books.store.append(batch)
        except Unavailable:  # a busy machine did not come so far in the time it has
            return False
        except BulkTooLarge as error:
            return "wiredTigerCacheSizeGB" in str(error)

    assert within(60, is_too_large)
    assert books.balances() == {"ada": 1_010, "bob": 0}
    assert {each.status for each in books.store.append(batch[:10])} == {"recorded"}
