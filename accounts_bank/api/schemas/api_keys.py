"""Keys for programs over the wire."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict

from accounts_bank.http.fields import AccountRef, AmountMinor, Input, Moment, Time
from accounts_bank.identity import NAME_PATTERN, ApiKey, Scope

KeyName = Annotated[str, Meta(min_length=1, max_length=100, pattern=NAME_PATTERN)]
Scopes = Annotated[list[Scope], Meta(min_length=1, max_length=len(Scope))]
NamedAccounts = Annotated[
    list[AccountRef],
    Meta(min_length=1, max_length=50, description="Ids or numbers of your own accounts."),
]


class ApiKeyRequest(Input, frozen=True):
    """Make a key. Without `accounts` it reaches all of its owner's; it may have an end.

    `daily_limit_minor` is the most that it pays or holds in a day of UTC, in each currency.
    The runs of its schedules count, reversals do not.
    """

    name: KeyName
    scopes: Scopes
    accounts: NamedAccounts | None = None
    expires_at: Moment | None = None
    daily_limit_minor: AmountMinor | None = None


class ApiKeyView(Struct, frozen=True):
    """A key. `prefix` begins its secret, which nothing tells again.

    `last_used_at` is exact to a minute.
    """

    id: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    accounts: tuple[str, ...] | None
    created_at: Time
    expires_at: Time | None
    daily_limit_minor: int | None
    last_used_at: Time | None


class NewApiKeyView(ApiKeyView, frozen=True):
    """A new key with its secret, which is shown this once."""

    secret: str


def api_key_view(key: ApiKey) -> ApiKeyView:
    """Show a key to its owner."""
    return msgspec.convert(key, ApiKeyView, from_attributes=True)


def new_api_key_view(key: ApiKey, secret: str) -> NewApiKeyView:
    """Show a new key to its owner."""
    shown = asdict(api_key_view(key)) | {"secret": secret}
    return msgspec.convert(shown, NewApiKeyView)
