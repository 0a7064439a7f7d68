"""What a rule looks at, and what it says: a refusal, or the effect that the entry has."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.values import Account, Customer, Posting, Progress, Status


class Refusal(Struct, frozen=True, gc=False):
    """No money moves, and why; `details` are amounts in minor units, by name.

    `progress` and `mentions` are as in `Effect`: a run of a schedule that is refused was a run.
    """

    status: Status
    details: tuple[tuple[str, int], ...] = ()
    progress: Progress | None = None
    entry_refs: tuple[str, ...] = ()


class Effect(Struct, frozen=True, gc=False):
    """What the entry does: an account, a customer, an entry's progress as they will be; postings.

    `account` is one that no money moves on. `mentions` are the ids under which the entry is to be
    found, each once. `reference` is what the lines bear where the action itself says nothing.
    """

    postings: tuple[Posting, ...] = ()
    account: Account | None = None
    customer: Customer | None = None
    progress: Progress | None = None
    entry_refs: tuple[str, ...] = ()
    reference: str | None = None


Verdict = Refusal | Effect


class Books(Protocol):
    """What a rule may look at: as in a `Snapshot`, with what the entries before it changed."""

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Accounts by id and by number."""

    @property
    def customers(self) -> Mapping[str, Customer]:
        """What is known of customers, by id; one never seen has no accounts."""

    @property
    def entries(self) -> Mapping[str, Recorded]:
        """What was recorded before, by id."""

    @property
    def progress(self) -> Mapping[str, Progress]:
        """What later entries made of one, by its id; nothing where none did."""
