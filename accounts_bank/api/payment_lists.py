"""Lists of payments: pages with filters, and the fate of an idempotency key."""

from collections.abc import Callable
from typing import Any

from accounts_bank.api.schemas.search import PaymentsQuery, refusal_view
from accounts_bank.http import cursors
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.pagination import page
from accounts_bank.identity import Caller
from accounts_bank.ledger.entries import Recorded


def listed(
    bank: Bank, caller: Caller, kind: str, query: PaymentsQuery, view: Callable[[Any], Any]
) -> Answer:
    """Answer with a page of the caller's payments of a kind.

    :param view: shows the details of a payment that is not refused.
    """
    before, search = cursors.time_of(query.cursor) if query.cursor else None, bank.accounts.search
    filters, limit, key = query.filters, query.limit, query.idempotency_key
    if key:
        found = search.of_key(caller, kind, key, filters, before=before, limit=limit)
    else:
        found = search.page(caller, kind, filters, before=before, limit=limit)
    data = [refusal_view(x) if isinstance(x, Recorded) else view(x) for x in found.items]
    return page(data, None if found.after is None else cursors.of_time(*found.after))
