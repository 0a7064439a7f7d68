"""Verdicts: the answer of a rule is a refusal, or the effect of the entry."""

from msgspec import Struct

from accounts_bank.ledger.values import Account, Customer, Posting, Progress, Status


class Refusal(Struct, frozen=True, gc=False):
    """The reason why no money moves.

    :param status: the first rule that the entry breaks, in the order of `Status`.
    :param details: numbers that explain it, by name; amounts are in minor units.
    :param progress: as in `Effect`: a refused run of a schedule counts as a run.
    :param entry_refs: as in `Effect`.
    """

    status: Status
    details: tuple[tuple[str, int], ...] = ()
    progress: Progress | None = None
    entry_refs: tuple[str, ...] = ()


class Effect(Struct, frozen=True, gc=False):
    """The changes that an entry makes.

    :param postings: amounts that move; they sum to zero.
    :param account: an account after a change that moves no money.
    :param customer: a customer after the change.
    :param progress: the progress of this entry, or of an earlier one, after the change.
    :param entry_refs: ids of customers and earlier entries that list this entry, each once.
    :param reference: the reference of the lines of an action that has no reference itself.
    :param budget: the budget of a key after the entry counts against it.
    """

    postings: tuple[Posting, ...] = ()
    account: Account | None = None
    customer: Customer | None = None
    progress: Progress | None = None
    entry_refs: tuple[str, ...] = ()
    reference: str | None = None
    budget: Account | None = None


Verdict = Refusal | Effect
