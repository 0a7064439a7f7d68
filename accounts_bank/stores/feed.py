"""The contract of the feed's index: it finds the events of one customer among those of all.

The index follows from the journal. A reader fills it up to the last number before it looks events
up, so entries cost nothing more where nobody reads events. A store that was copied or restored has
an empty index, which is filled again.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.sealing import Numbered


class Feed(ABC):
    """The index of events by customer, account and type, in the order of the numbers."""

    @abstractmethod
    def listed(self) -> int:
        """Return the last number whose events are in the index; 0 while it is empty.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def list_events(self, rows: Sequence[FeedRow], since: int, last: Numbered) -> bool:
        """Add the events of the numbers after `since` up to `last`, in one commit.

        :returns: whether they were added. They are not where another process was faster, or where
            the journal holds another item as `last`, because the store was restored meanwhile.
        :raises Unavailable: they are not known to be added; the next call continues.
        """

    @abstractmethod
    def find_events(self, query: FeedQuery) -> list[FeedRow]:
        """Return the rows that match, in the order of their numbers.

        The cost does not grow with the number of other customers' events.

        :raises Unavailable: the store does not answer.
        """
