"""Bulk: many transfers in one batch, decided and saved in one commit."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

import msgspec
from msgspec import Struct

from accounts.collections.desk import Desk, dated, keyed_id, recorded_or_refused
from accounts.errors import NotFound
from accounts.identity import Caller
from accounts.ledger.actions import Bulk, BulkMode, Transfer
from accounts.ledger.entries import Entry, Outcome
from accounts.ledger.numbers import canonical
from accounts.ledger.values import Status

NOBODYS = ""
"""The account to pay from, where the one that was named is not the caller's: no account is called
so. The ledger refuses it like the rest, so modes, retries and the journal know of it as well."""


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


class BulkSeen(Struct, frozen=True):
    """What became of each transfer, in order, and whether all of it was asked before."""

    outcomes: list[Outcome]
    replayed: bool


def transfer_all(  # noqa: PLR0913 - who, how, what, and how to take it
    desk: Desk,
    caller: Caller,
    mode: BulkMode,
    payments: Sequence[Payment],
    key: str | None,
    *,
    dry_run: bool,
) -> BulkSeen:
    """Move money as many transfers say. Whatever one of them is refused for is its own outcome.

    :raises Refused: `key_reused`.
    """
    bulk_id = desk.entry_id(caller, key)
    digest = sha256(msgspec.json.encode(payments)).hexdigest()
    head = desk.entry(bulk_id, caller, Bulk(mode, len(payments), digest))
    parts = _parts(desk, caller, head, payments)
    begun, *outcomes = desk.settle([head, *parts], dry_run=dry_run)
    if begun.status is Status.KEY_REUSED:
        recorded_or_refused(begun)
    return BulkSeen(outcomes, begun.replayed)


def code_of(outcome: Outcome) -> str:
    """Say why a transfer of many was refused."""
    asked = outcome.recorded.entry.action
    if isinstance(asked, Transfer) and asked.from_account == NOBODYS:
        return NotFound.code if outcome.status is Status.ACCOUNT_UNKNOWN else outcome.status
    return outcome.status


def _parts(desk: Desk, caller: Caller, head: Entry, payments: Sequence[Payment]) -> list[Entry]:
    payers = {name: canonical(name) for name in {each.from_account for each in payments}}
    owned = desk.owned(caller, set(payers.values()))
    payers = {name: each if each in owned else NOBODYS for name, each in payers.items()}
    payees = {name: canonical(name) for name in {each.to_account for each in payments}}
    asks = [
        Transfer(
            payers[each.from_account],
            payees[each.to_account],
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
    base = dated(keyed_id(bulk_id, "parts"), bulk_id)[: -len("ffff")]
    return [f"{base}{index:04x}" for index in range(count)]
