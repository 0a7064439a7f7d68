"""Record the decision that a user has another role."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.verdicts import Effect, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class SetRole(Struct, frozen=True, gc=False, tag="role_set"):
    """Record that a user gets a role. The users' own records keep the role itself.

    :param user_id: the id of the user.
    :param role: the new role.
    """

    user_id: str
    role: str

    touches: ClassVar[Touches] = Touches(customers=("user_id",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Record the decision; no money moves."""
        return Effect(customer=books.customer(self.user_id))
