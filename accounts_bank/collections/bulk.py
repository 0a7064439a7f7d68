"""Bulk: many transfers in one batch, decided and saved in one commit."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

import msgspec
from msgspec import Struct

from accounts_bank.collections.client import LedgerClient, keyed_id, raise_refusal, with_time_of
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Bulk, BulkMode, Transfer
from accounts_bank.ledger.entries import Entry, Outcome
from accounts_bank.ledger.iban import canonical
from accounts_bank.ledger.values import Status


class Payment(Protocol):
    """One transfer of many, as it is asked for."""

    @property
    def from_account(self) -> str: ...
    @property
    def to_account(self) -> str: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def reference(self) -> str | None: ...


class BulkDetails(Struct, frozen=True):
    """What became of each transfer, in order, and whether all of it was asked before."""

    outcomes: list[Outcome]
    replayed: bool


def transfer_all(  # noqa: PLR0913 - who, how, what, and how to take it
    client: LedgerClient,
    caller: Caller,
    mode: BulkMode,
    payments: Sequence[Payment],
    key: str | None,
    *,
    dry_run: bool,
) -> BulkDetails:
    """Move money as many transfers say. Whatever one of them is refused for is its own outcome.

    :raises Refused: `key_reused`.
    """
    bulk_id = client.entry_id(caller, key)
    digest = sha256(msgspec.json.encode(payments)).hexdigest()
    head = client.new_entry(bulk_id, caller, Bulk(mode, len(payments), digest))
    parts = _parts(head, payments)
    begun, *outcomes = client.submit_batch([head, *parts], dry_run=dry_run)
    if begun.status is Status.KEY_REUSED:
        raise_refusal(begun)
    return BulkDetails(outcomes, begun.replayed)


def _parts(head: Entry, payments: Sequence[Payment]) -> list[Entry]:
    named = {each.from_account for each in payments}.union(each.to_account for each in payments)
    names = {each: canonical(each) for each in named}
    asks = [
        Transfer(
            names[each.from_account],
            names[each.to_account],
            each.amount_minor,
            each.currency,
            each.reference,
            head.id,
        )
        for each in payments
    ]
    ids = part_ids(head.id, len(asks))
    return [
        Entry(part_id, head.caller_id, head.at, ask, head.till)
        for part_id, ask in zip(ids, asks, strict=True)
    ]


def part_ids(bulk_id: str, count: int) -> list[str]:
    """Give the ids of the parts of a bulk: one hash for all, and the time of the bulk in front.

    They follow each other, so an index of a database takes them in one place.
    """
    base = with_time_of(keyed_id(bulk_id, "parts"), bulk_id)[: -len("ffff")]
    return [f"{base}{index:04x}" for index in range(count)]
