"""Operations: each route under /v1 is one plain function with its declaration.

Flask's routes, the OpenAPI document and the server's choice of thread follow from the
declarations. A function takes the arguments that it names, from `ARGUMENTS` and from its path, and
returns an `Answer`. Neither this module nor an operation knows Flask.
"""

from collections.abc import Callable, Iterator
from inspect import signature
from re import findall
from typing import Any, TypeVar

from msgspec import Struct

from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import Answer
from accounts_bank.http.fields import Input
from accounts_bank.http.messages import BODY_MAX_BYTES, QUOTES_MAX
from accounts_bank.identity import Scope

HEADER_ARGUMENTS = (
    "key",
    "address",
    "device",
    "if_match",
    "if_none_match",
    "accept",
    "known_user_id",
    "refresh_claims",
    "issue_tokens",
    "banks",
    "root_url",
    "operation_ids",
)
"""Arguments that are read after the body, in this order."""

ARGUMENTS = ("bank", "caller", "query", "body", *HEADER_ARGUMENTS)

Run = TypeVar("Run", bound=Callable[..., Answer])


class Operation(Struct, frozen=True, kw_only=True):
    """The declaration of one route and method.

    `permission` is None where no token is needed. `scope` is the scope of the keys that may call
    it, None where no key may: the default. `path` marks its variable parts: `/<account>`.
    `may_wait`: with four eyes, staff is answered 202 and a second person decides.
    `is_sandbox`: a caller from loopback needs no token while SANDBOX_OPEN is true, and each call is
    audited. `may_wait_long`: the server lets it wait without a thread. `count_items` returns the
    number of payments in a body.
    """

    method: str
    path: str
    name: str
    run: Callable[..., Answer]
    takes: tuple[str, ...]
    summary: str
    permission: Permission | None
    scope: Scope | None = None
    answer: Any = None
    status: int = 200
    body: type[Input] | None = None
    plain_body: type[Input] | None = None
    body_max_bytes: int = BODY_MAX_BYTES
    quotes_max: int | None = QUOTES_MAX
    query: type[Input] | None = None
    codes: tuple[str, ...] = ()
    item_codes: tuple[str, ...] = ()
    is_page: bool = False
    is_money: bool = False
    count_items: Callable[[Any], int] = lambda _body: 1
    may_wait: bool = False
    may_wait_long: bool = False
    is_fast_payment: bool = False
    is_tagged: bool = False
    hashes_password: bool = False
    media_types: tuple[str, ...] = ("application/json",)
    takes_refresh_token: bool = False
    is_sandbox: bool = False

    @property
    def operation_id(self) -> str:
        """The name in the OpenAPI document."""
        return self.name.replace(".", "_")


class Operations:
    """The operations of one module, in the order of their declaration."""

    def __init__(self, name: str, prefix: str) -> None:
        self._name = name
        self._prefix = prefix
        self._declared: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        """Iterate over the declarations."""
        return iter(self._declared)

    def declare(
        self, method: str, path: str, summary: str, **declaration: Any
    ) -> Callable[[Run], Run]:
        """Declare the decorated function as an operation, and return it unchanged."""

        def add(run: Run) -> Run:
            whole = self._prefix + path
            self._declared.append(
                Operation(
                    method=method,
                    path=whole,
                    name=f"{self._name}.{run.__name__}",
                    run=run,
                    takes=_arguments(run, whole),
                    summary=summary,
                    **declaration,
                )
            )
            return run

        return add


def _arguments(run: Callable[..., Answer], path: str) -> tuple[str, ...]:
    """Return the arguments that a function takes beside the parts of its path."""
    names = set(signature(run).parameters)
    parts = set(findall("<([a-z_]+)>", path))
    if not parts <= names <= parts | set(ARGUMENTS):
        raise TypeError(f"{run.__qualname__} must take {parts} and else only {ARGUMENTS}.")
    return tuple(name for name in ARGUMENTS if name in names)
