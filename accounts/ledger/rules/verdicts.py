"""What a rule looks at, and what it says: a refusal, or the effect that the entry has."""

from typing import Protocol

from msgspec import Struct

from accounts.ledger.entries import Recorded
from accounts.ledger.values import Account, Customer, Posting, Progress, Status


class Refusal(Struct, frozen=True):
    """No money moves, and why; `details` are amounts in minor units, by name.

    `progress` and `mentions` are as in `Effect`: a run of a schedule that is refused was a run.
    """

    status: Status
    details: tuple[tuple[str, int], ...] = ()
    progress: Progress | None = None
    mentions: tuple[str, ...] = ()


class Effect(Struct, frozen=True):
    """What the entry does: an account, a customer, an entry's progress as they will be; postings.

    The account is taken as it stands here before money moves on it. `mentions` are the ids under
    which the entry is to be found.
    """

    postings: tuple[Posting, ...] = ()
    account: Account | None = None
    customer: Customer | None = None
    progress: Progress | None = None
    mentions: tuple[str, ...] = ()


Verdict = Refusal | Effect


class Books(Protocol):
    """What a rule may look at."""

    def account(self, name: str) -> Account | None:
        """Find an account by id or number."""

    def customer(self, customer_id: str) -> Customer:
        """Find what is known of a customer; one never seen has no accounts."""

    def entry(self, entry_id: str) -> Recorded | None:
        """Find an entry that was recorded before."""

    def progress(self, entry_id: str) -> Progress | None:
        """Find what later entries made of one; None where none did."""
