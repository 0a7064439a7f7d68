"""Every wrapper passes on every call of the store contract."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.entries import Outcome
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.wrappers import offloaded
from accounts_bank.stores.wrappers.base import (
    BACKGROUND,
    DelegatingAccountStore,
    DelegatingUserStore,
)
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from accounts_bank.stores.wrappers.instrumented import (
    CountedAccountStore,
    InstrumentedAccountStore,
    InstrumentedUserStore,
)
from accounts_bank.stores.wrappers.offloaded import OffloadedAccountStore, OffloadedUserStore
from accounts_bank.stores.wrappers.user_cache import UserCache

DERIVED = {"account", "entry"}
"""Calls that the contract itself makes of `load`, so a wrapper must not pass them by."""

ARGUMENTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "append": (((),), {}),
    "restore": (("changes",), {}),
    "load": (("needs",), {}),
    "accounts_of": (("owner",), {"after": None, "limit": 1}),
    "lines": (("account",), {"before": None, "period": None, "limit": 1}),
    "total_before": (((), ()), {}),
    "entries_of": (("owner", "transfer"), {"before": None, "limit": 1, "since": "now"}),
    "due": (("now",), {"limit": 1}),
    "present": ((), {}),
    "ledger": ((), {}),
    "events": (("ids",), {}),
    "put": (((), ()), {}),
    "settle": ((), {}),
    "users": (("ids",), {}),
    "user_named": (("key",), {}),
    "key_owners": (("hashes",), {}),
    "users_after": (("id",), {"limit": 1}),
}


CACHED = {"put", "settle", "users", "key_owners"}
"""Calls of a user store to which its cache adds something."""


class Watching(Observer):
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bool]] = []
        self.outcomes: list[Outcome] = []

    def store_called(self, store: str, operation: str, duration_s: float, *, failed: bool) -> None:
        assert duration_s >= 0
        self.calls.append((store, operation, failed))

    def entries_decided(self, outcomes) -> None:
        self.outcomes += outcomes


def contract(store: type) -> set[str]:
    return {name for name in vars_of(store) if not name.startswith("_")} - DERIVED


def vars_of(store: type) -> set[str]:
    return {name for each in store.__mro__ for name, value in vars(each).items() if callable(value)}


class Recorder:
    """Stands for any store, and keeps the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> str:
            self.calls.append((name, arguments, named))
            if self.error:
                raise self.error
            return f"answer of {name}"

        call.__name__ = name
        return call


ACCOUNT_CALLS, USER_CALLS = sorted(contract(AccountStore)), sorted(contract(UserStore))
EACH = [
    *(
        (kind, name)
        for kind in (DelegatingAccountStore, OffloadedAccountStore)
        for name in ACCOUNT_CALLS
    ),
    *((kind, name) for kind in (DelegatingUserStore, OffloadedUserStore) for name in USER_CALLS),
    *((GroupCommit, name) for name in ACCOUNT_CALLS if name not in {"append", "load"}),
    *((UserCache, name) for name in USER_CALLS if name not in CACHED),
]


def called(wrapper: Any, name: str) -> Any:
    arguments, named = ARGUMENTS[name]
    return getattr(wrapper, name)(*arguments, **named)


def test_the_table_has_every_call_of_the_contracts():
    assert set(ARGUMENTS) == contract(AccountStore) | contract(UserStore)
    assert set(ARGUMENTS) >= BACKGROUND


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_a_wrapper_passes_a_call_on_unchanged(kind, name):
    store = Recorder()
    assert called(kind(store), name) in {f"answer of {name}", None}
    arguments, named = ARGUMENTS[name]
    if name == "restore" and issubclass(kind, DelegatingUserStore):
        arguments = (*arguments, ())  # a user store takes events too
    assert store.calls == [(name, arguments, named)]


@pytest.mark.parametrize("kind", [DelegatingAccountStore, DelegatingUserStore])
def test_the_base_defines_every_call_itself(kind):
    """An inherited default would answer for the wrapper and forget the wrapped store."""
    expected = contract(AccountStore if kind is DelegatingAccountStore else UserStore)
    assert {name for name in vars(kind) if not name.startswith("_")} == expected


@pytest.mark.parametrize("name", ACCOUNT_CALLS)
def test_every_call_of_an_account_store_is_reported(name):
    observer = Watching()
    called(InstrumentedAccountStore(cast("AccountStore", Recorder()), observer), name)
    assert observer.calls == ([] if name in BACKGROUND else [("accounts", name, False)])


@pytest.mark.parametrize("name", USER_CALLS)
def test_every_call_of_a_user_store_is_reported(name):
    observer = Watching()
    called(InstrumentedUserStore(cast("UserStore", Recorder()), observer), name)
    assert observer.calls == ([] if name in BACKGROUND else [("users", name, False)])


@pytest.mark.parametrize("error", [Unavailable("away"), KeyError("ours")])
def test_a_call_that_raises_an_error_is_reported_as_failed(error):
    store, observer = Recorder(), Watching()
    store.error = error
    with pytest.raises(type(error)):
        called(InstrumentedAccountStore(cast("AccountStore", store), observer), "load")
    assert observer.calls == [("accounts", "load", True)]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((OffloadedAccountStore, name) for name in ACCOUNT_CALLS),
        *((OffloadedUserStore, name) for name in USER_CALLS),
    ],
)
def test_every_call_that_may_block_runs_in_another_thread(kind, name, monkeypatch):
    moved = []

    def run_in_thread(call, *arguments, **named):
        moved.append(call.__name__)
        return call(*arguments, **named)

    monkeypatch.setattr(offloaded, "run_in_thread", run_in_thread)
    called(kind(Recorder()), name)
    assert moved == ([] if name in BACKGROUND else [name])


@pytest.mark.parametrize("name", sorted(set(ACCOUNT_CALLS) - {"append"}))
def test_a_store_in_memory_passes_its_calls_on_unreported(name):
    store, observer = Recorder(), Watching()
    called(CountedAccountStore(cast("AccountStore", store), observer), name)
    assert store.calls == [(name, *ARGUMENTS[name])]
    assert observer.calls == []


@pytest.mark.parametrize("kind", [CountedAccountStore, InstrumentedAccountStore])
def test_the_outcomes_of_an_append_are_reported(kind):
    observer = Watching()
    assert called(kind(cast("AccountStore", Recorder()), observer), "append")
    assert [*map(str, observer.outcomes)] == list("answer of append")
