"""Field types of requests and answers. Parsing is strict: no unknown field, no float."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts_bank.http.cursors import TimeCursor
from accounts_bank.identity import TEXT_PATTERN
from accounts_bank.ledger.currencies import DECIMALS
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR

METADATA_PAIRS_MAX = 20

PlainReference = Annotated[str, Meta(min_length=1, max_length=140)]
Reference = Annotated[PlainReference, Meta(pattern=TEXT_PATTERN)]
PlainAccountRef = Annotated[
    str, Meta(min_length=1, max_length=64, description="An account's id or number.")
]
AccountRef = Annotated[PlainAccountRef, Meta(pattern=TEXT_PATTERN)]
PlainKey = Annotated[str, Meta(min_length=1, max_length=40)]
PlainValue = Annotated[str, Meta(max_length=500)]
_METADATA = Meta(
    max_length=METADATA_PAIRS_MAX,
    description="Up to 20 pairs of your own, such as an order number. They are not for secrets.",
)
PlainMetadata = Annotated[dict[PlainKey, PlainValue], _METADATA]
Metadata = Annotated[
    dict[
        Annotated[PlainKey, Meta(pattern=TEXT_PATTERN)],
        Annotated[PlainValue, Meta(pattern=TEXT_PATTERN)],
    ],
    _METADATA,
]
AmountMinor = Annotated[
    int,
    Meta(
        ge=1,
        le=AMOUNT_MAX_MINOR,
        description="In minor units: 12.34 EUR is 1234. Written without a point or an exponent.",
        extra_json_schema={"format": "int64"},
    ),
]
if TYPE_CHECKING:
    Currency = str
else:
    Currency = Annotated[Literal[tuple(sorted(DECIMALS))], Meta(description="ISO 4217.")]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC.")]
Limit = Annotated[int, Meta(ge=1, le=100, description="The most items on the page.")]
Moment = Annotated[
    str,
    Meta(
        description="A date (its first moment, in UTC) or a time with its zone, RFC 3339.",
        extra_json_schema={"format": "date-time"},
    ),
]


class Input(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A base class of bodies and queries. It refuses unknown fields.

    `needs_a_field`: all fields are optional, and at least one of them must be there.
    """

    needs_a_field: ClassVar[bool] = False


class NewestFirst(Input, frozen=True):
    """The query of a list, the newest first."""

    limit: Limit = 20
    cursor: TimeCursor | UnsetType = UNSET


class DryRun(Input, frozen=True):
    """The query of an action that a caller can try first."""

    dry_run: Annotated[bool, Meta(description="Decide and move nothing.")] = False
