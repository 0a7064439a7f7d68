"""/v1/events: the events of the caller's accounts, in order."""

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.events import EventQuery, EventView, event_view
from accounts_bank.collections.permissions import Permission
from accounts_bank.http import cursors
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.pagination import page
from accounts_bank.identity import Caller, Scope
from accounts_bank.ledger.feed import FeedQuery

operations = Operations("events", "/v1")


@operations.declare(
    "GET",
    "/events",
    "Read the events in order, or wait for the next one",
    permission=Permission.READ_OWN,
    scope=Scope.EVENTS_READ,
    query=EventQuery,
    answer=EventView,
    is_page=True,
    may_wait_long=True,
    codes=("not_found",),
)
def list_events(bank: Bank, caller: Caller, query: EventQuery) -> Answer:
    """List the events after a number, the oldest first.

    A page never ends within a number. Where one number has more events than `limit`, the page has
    all of them.
    """
    account = bank.accounts.account(caller, query.account) if query.account else None
    wanted = FeedQuery(
        after=cursors.number_of(query.cursor) if query.cursor else query.after,
        limit=query.limit,
        type=query.type or None,
    )
    found = bank.events.read(caller, wanted, account, query.wait_s)
    next_cursor = None if found.is_last else cursors.of_number(found.after)
    return page([event_view(each) for each in found.events], next_cursor)
