"""Set the daily limit of an account."""

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.checks import account_of_customer, not_closed
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry


class SetDailyLimit(Struct, frozen=True, gc=False, tag="daily_limit_set"):
    """Limit the amount that is paid or held in one day (UTC). Reversals do not count.

    Payments before the first limit do not count either.

    :param account: the id or the number of the account.
    :param daily_limit_minor: the limit in minor units; None lifts it.
    """

    account: str
    daily_limit_minor: int | None

    touches: ClassVar[Touches] = Touches(accounts=("account",))

    def decide(self, books: "Books", _entry: "Entry") -> Verdict:
        """Limit an account that is not closed."""
        account = account_of_customer(books, self.account)
        if isinstance(account, Refusal):
            return account
        after = replace(account, daily_limit_minor=self.daily_limit_minor)
        return not_closed(account) or Effect(account=after)
