"""Bulk transfers over the wire."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from accounts_bank.api.schemas.money import TransferRequest
from accounts_bank.collections.bulk import BulkDetails
from accounts_bank.http.fields import Input, PlainAccountRef, PlainMetadata, PlainReference
from accounts_bank.ledger.actions import BulkMode
from accounts_bank.ledger.entries import Outcome
from accounts_bank.ledger.values import Status

ITEMS_MAX = 10_000

_RECORDED = Status.RECORDED


class BulkRequest(Input, frozen=True):
    """Make many transfers in one go.

    `each`: a refusal does not stop the others. `stop`: each transfer after the first refusal is
    not tried. `atomic`: all are made, or none.
    """

    mode: BulkMode
    transfers: Annotated[Sequence[TransferRequest], Meta(min_length=1, max_length=ITEMS_MAX)]


class _PlainTransfer(TransferRequest, frozen=True):
    from_account: PlainAccountRef
    to_account: PlainAccountRef
    reference: PlainReference | None = None
    metadata: PlainMetadata | None = None


class PlainBulkRequest(BulkRequest, frozen=True):
    """The same, read from plain text.

    To look at each text costs more than all else that is to be read.
    """

    transfers: Annotated[Sequence[_PlainTransfer], Meta(min_length=1, max_length=ITEMS_MAX)]


class ItemRecorded(Struct, frozen=True, gc=False, tag_field="status", tag="recorded"):
    """A transfer that was made; `index` is its place in the request, from 0."""

    index: int
    id: str


class ItemRefused(
    Struct, frozen=True, gc=False, tag_field="status", tag="refused", omit_defaults=True
):
    """A transfer that was not made: `code` says why."""

    index: int
    code: str
    shortfall_minor: int | None = None
    left_minor: int | None = None


class BulkView(Struct, frozen=True):
    """The result of each transfer, in the order of the request."""

    results: list[ItemRecorded | ItemRefused]


def bulk_view(bulk: BulkDetails) -> BulkView:
    """Show the results of a bulk."""
    return BulkView([_item(index, each) for index, each in enumerate(bulk.outcomes)])


def _item(index: int, outcome: Outcome) -> ItemRecorded | ItemRefused:
    recorded = outcome.recorded
    if recorded.status is _RECORDED:
        return ItemRecorded(index, recorded.entry.id)
    return ItemRefused(index, outcome.status, **dict(recorded.details))
