"""/v1/api-keys: the keys with which programs act for their owner."""

from datetime import datetime

from msgspec import UnsetType

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.api_keys import (
    ApiKeyRequest,
    ApiKeyView,
    NewApiKeyView,
    api_key_view,
    new_api_key_view,
)
from accounts_bank.collections.permissions import Permission
from accounts_bank.http import cursors
from accounts_bank.http.answers import NO_CONTENT, Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.fields import NewestFirst
from accounts_bank.http.messages import parse_time
from accounts_bank.http.pagination import page_of
from accounts_bank.identity import ApiKey, Caller

operations = Operations("api_keys", "/v1/api-keys")


@operations.declare(
    "POST",
    "",
    "Make a key",
    permission=Permission.MANAGE_SELF,
    body=ApiKeyRequest,
    answer=NewApiKeyView,
    status=201,
    codes=("not_found", "api_keys_full"),
)
def make_key(bank: Bank, caller: Caller, body: ApiKeyRequest) -> Answer:
    """Make a key for a program. It acts for you within its scopes. Its secret is shown once."""
    ends = body.expires_at
    key, secret = bank.users.keys.make(
        caller,
        body.name,
        body.scopes,
        accounts=body.accounts,
        expires_at=None if ends is None else parse_time(ends, "expires_at"),
        daily_limit_minor=body.daily_limit_minor,
    )
    return Answer(new_api_key_view(key, secret), 201, location=f"/v1/api-keys/{key.id}")


@operations.declare(
    "GET",
    "",
    "List your keys",
    permission=Permission.MANAGE_SELF,
    query=NewestFirst,
    answer=ApiKeyView,
    is_page=True,
)
def list_keys(bank: Bank, caller: Caller, query: NewestFirst) -> Answer:
    """List your keys, expired ones included, the newest first."""
    before = None if isinstance(query.cursor, UnsetType) else cursors.time_of(query.cursor)
    keys = sorted(bank.users.keys.of(caller), key=_made, reverse=True)
    found = [each for each in keys if before is None or _made(each) < before]
    return page_of(found, query.limit, lambda each: cursors.of_time(*_made(each)), api_key_view)


@operations.declare(
    "GET",
    "/<key_id>",
    "Read a key",
    permission=Permission.MANAGE_SELF,
    answer=ApiKeyView,
    codes=("not_found",),
)
def read_key(bank: Bank, caller: Caller, key_id: str) -> Answer:
    """Show one of your keys, without its secret."""
    return Answer(api_key_view(bank.users.keys.read(caller, key_id)))


@operations.declare(
    "DELETE",
    "/<key_id>",
    "End a key",
    permission=Permission.MANAGE_SELF,
    status=204,
    codes=("not_found",),
)
def end_key(bank: Bank, caller: Caller, key_id: str) -> Answer:
    """End one of your keys, on every worker."""
    bank.users.keys.end(caller, key_id)
    return NO_CONTENT


def _made(key: ApiKey) -> tuple[datetime, str]:
    return key.created_at, key.id
