"""The index of the feed: the same answers from every store, also where processes share it."""

import pytest

from accounts_bank.events.feed import EventFeed
from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.sealing import Numbered
from tests.stores.books import Books, at_once
from tests.stores.journals import journal_of

ADA = FeedQuery(after=0, limit=100, owner_id="owner-ada")
ALL = FeedQuery(after=0, limit=100)


@pytest.fixture
def books(account_store):
    return Books(account_store)


def feed_of(books: Books) -> EventFeed:
    journal = journal_of(books.store)

    def number() -> None:
        while journal.seal(1_000):
            pass

    return EventFeed(journal, books.store, number)


def types(feed: EventFeed, query: FeedQuery) -> list[str]:
    return [str(each.type) for each in feed.page(query).events]


def test_a_customer_sees_its_own_events_in_order(books):
    books.given(ada=100, bob=0)
    books.send("ada", "bob", 7)
    feed = feed_of(books)
    assert types(feed, ADA) == ["account.opened", "deposit.recorded", "transfer.sent"]
    bob = feed.page(FeedQuery(after=0, limit=100, owner_id="owner-bob")).events
    assert [(each.number, str(each.type), each.line) for each in bob] == [
        (3, "account.opened", None),
        (4, "transfer.received", 1),
    ]
    assert bob[1].data.balance_minor == 7
    assert len(feed.page(ALL).events) == 5


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_join_and_never_end_within_a_number(books, limit):
    books.given(ada=100, bob=0)
    for amount_minor in (1, 2, 3):
        books.send("ada", "bob", amount_minor)
    feed, after, found = feed_of(books), 0, []
    while (page := feed.page(FeedQuery(after=after, limit=limit))).events:
        found += page.events
        after = page.events[-1].number
        assert page.after == after
        assert page.is_last is (after == 6)
    assert [each.row for each in found] == [each.row for each in feed.page(ALL).events]
    assert len({each.id for each in found}) == len(found) == 9


def test_an_account_and_a_type_are_filtered_by_the_store(books):
    books.given(ada=100, bob=0)
    first = books.opened["ada"]
    books.given(ada=50)
    books.send("ada", "bob", 7)
    feed = feed_of(books)
    of_first = FeedQuery(after=0, limit=9, owner_id="owner-ada", account_ids=(first,))
    assert types(feed, of_first) == ["account.opened", "deposit.recorded"]
    deposits = FeedQuery(after=2, limit=9, owner_id="owner-ada", type="deposit.recorded")
    assert [each.data.amount_minor for each in feed.page(deposits).events] == [50]
    received = FeedQuery(after=0, limit=9, type="transfer.received")
    assert [each.owner_id for each in feed.page(received).events] == ["owner-bob"]


def test_a_store_lists_the_events_of_a_number_once(books):
    books.given(ada=100)
    journal = journal_of(books.store)
    while journal.seal(10):
        pass
    first, second = journal.numbered(1, 2)
    row = FeedRow(1, "owner-ada", "a", "account.opened", "e")
    assert journal.list_events([row], 0, first)
    assert not journal.list_events([row], 0, first)
    assert journal.listed() == 1
    other = Numbered(2, second.id, second.kind, "the hash of a journal that was restored")
    assert not journal.list_events([], 1, other)
    assert journal.list_events([], 1, second)
    assert journal.listed() == 2
    assert journal.find_events(ALL) == [row]


def test_readers_that_fill_the_index_at_once_list_each_event_once(books):
    books.given(**{f"user{number}": 10 for number in range(8)})
    feeds = [feed_of(books) for _ in range(4)]
    pages = at_once(4, lambda number: feeds[number].page(ALL).events)
    assert {len(each) for each in pages} == {16}
    assert len(journal_of(books.store).find_events(ALL)) == 16
