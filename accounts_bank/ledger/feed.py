"""The rows that list numbered entries under the customers that they concern."""

from msgspec import Struct


class FeedRow(Struct, frozen=True, gc=False, order=True):
    """One event of one party.

    :param number: the number of the entry in the journal.
    :param owner_id: the id of the customer that the event is for.
    :param account_id: the account of the customer; "" where the event names none of its accounts.
    :param type: the type of the event, such as "transfer.sent".
    :param entry_id: the id of the entry.
    """

    number: int
    owner_id: str
    account_id: str
    type: str
    entry_id: str


class FeedQuery(Struct, frozen=True):
    """A part of the feed: at most `limit` rows with numbers above `after`.

    :param owner_id: the customer; None for all customers.
    :param account_ids: some accounts of this customer; None for all of them.
    :param type: one type of events; None for all types.
    """

    after: int
    limit: int
    owner_id: str | None = None
    account_ids: tuple[str, ...] | None = None
    type: str | None = None

    def matches(self, row: FeedRow) -> bool:
        """Return whether a row is of the customer, the account and the type."""
        return (
            self.owner_id in {None, row.owner_id}
            and (self.account_ids is None or row.account_id in self.account_ids)
            and self.type in {None, row.type}
        )
