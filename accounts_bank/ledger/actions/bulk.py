"""Begin a bulk of transfers."""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.verdicts import Effect, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class BulkMode(StrEnum):
    """The consequence of a refused transfer for the other transfers of its bulk.

    `each`: none. `stop`: the later transfers are not tried. `atomic`: no transfer is made.
    """

    EACH = "each"
    STOP = "stop"
    ATOMIC = "atomic"


class Bulk(Struct, frozen=True, gc=False, tag="bulk"):
    """Begin a bulk: the next transfers of the same batch belong to it and carry its id.

    :param count: the number of transfers.
    :param digest: the digest of all transfers, so that a retry with other transfers is noticed.
    """

    mode: BulkMode
    count: int
    digest: str

    touches: ClassVar[Touches] = Touches()

    def decide(self, _books: "Books", _entry: "Entry") -> Verdict:
        """Begin the bulk; each of its transfers has a verdict of its own."""
        return Effect()
