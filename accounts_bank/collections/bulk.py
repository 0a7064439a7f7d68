"""Bulk: many transfers in one batch, decided and saved in one commit."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from accounts_bank.collections.client import (
    LedgerClient,
    key_use,
    keyed_id,
    raise_refusal,
    with_time_of,
)
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Bulk, BulkMode, Transfer
from accounts_bank.ledger.budgets import KeyUse
from accounts_bank.ledger.entries import Entry, Outcome
from accounts_bank.ledger.iban import canonical
from accounts_bank.ledger.values import Metadata, Status

BEYOND = " (beyond the key)"
"""Ends the name of a payer that a key does not reach, so that the ledger finds no such account."""


class Payment(Protocol):
    """One transfer of a bulk request."""

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
    @property
    def metadata(self) -> Metadata | None: ...


class BulkDetails(Struct, frozen=True):
    """The outcome of each transfer, in the order of the request, and whether all are replayed."""

    outcomes: list[Outcome]
    replayed: bool


def transfer_all(  # noqa: PLR0913 - the parts of a bulk request
    client: LedgerClient,
    caller: Caller,
    mode: BulkMode,
    payments: Sequence[Payment],
    key: str | None,
    *,
    dry_run: bool,
) -> BulkDetails:
    """Submit many transfers in one commit. A refusal is the outcome of its transfer alone.

    :raises Refused: `key_reused`, the key belongs to another request.
    """
    bulk_id = client.entry_id(caller, key)
    digest = sha256(msgspec.json.encode(_plain(payments), order="deterministic")).hexdigest()
    head = client.new_entry(bulk_id, caller, Bulk(mode, len(payments), digest))
    parts = _parts(head, payments, _beyond(client, caller, payments), key_use(caller))
    first, *outcomes = client.submit_batch([head, *parts], dry_run=dry_run)
    if first.status is Status.KEY_REUSED:
        raise_refusal(first)
    return BulkDetails(outcomes, first.replayed)


def _plain(payments: Sequence[Any]) -> Sequence[Any]:
    """Return payments that are equal where the requests say the same: no pairs are none."""
    if all(each.metadata != {} for each in payments):
        return payments
    return [replace(each, metadata=each.metadata or None) for each in payments]


def _beyond(client: LedgerClient, caller: Caller, payments: Sequence[Payment]) -> dict[str, str]:
    """Return names of no account for the payers that a key does not reach, by their names."""
    if caller.named_accounts is None:
        return {}
    reached = client.reached_names(caller.named_accounts)
    payers = {each.from_account for each in payments}
    return {each: f"{each}{BEYOND}" for each in payers if canonical(each) not in reached}


def _parts(
    head: Entry, payments: Sequence[Payment], beyond: dict[str, str], use: KeyUse | UnsetType
) -> list[Entry]:
    written = {each.from_account for each in payments}.union(each.to_account for each in payments)
    names = {each: canonical(each) for each in written}
    payers = names | beyond
    transfers = [
        Transfer(
            payers[each.from_account],
            names[each.to_account],
            each.amount_minor,
            each.currency,
            each.reference,
            head.id,
            metadata=each.metadata or UNSET,
            key=use,
        )
        for each in payments
    ]
    ids = part_ids(head.id, len(transfers))
    return [
        Entry(part_id, head.caller_id, head.at, transfer, head.till)
        for part_id, transfer in zip(ids, transfers, strict=True)
    ]


def part_ids(bulk_id: str, count: int) -> list[str]:
    """Return the ids of the parts of a bulk: the time of the bulk, one hash, and an index.

    Consecutive ids keep the inserts of a bulk in one place of a database's index.
    """
    base = with_time_of(keyed_id(bulk_id, "parts"), bulk_id)[: -len("ffff")]
    return [f"{base}{index:04x}" for index in range(count)]
