"""The table of backends: a store is added by the steps of CONTRIBUTING.md."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from accounts_bank.app import create_app
from accounts_bank.config import load_settings
from accounts_bank.errors import SettingsError
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.factory import BACKENDS, Backend, backend_of, copy_stores, upgrade_stores
from accounts_bank.stores.memory import (
    InMemoryAccountStore,
    InMemoryCounters,
    InMemoryJournal,
    InMemoryUserStore,
)
from tests.helpers import Http

KEPT: dict[str, Stores] = {}


class ToyAccountStore(InMemoryAccountStore):
    """Keeps its books by URL, so that a second start finds them."""


def opened(url: str, *_: object) -> Stores:
    journal = InMemoryJournal()
    users, accounts = InMemoryUserStore(journal), ToyAccountStore(journal=journal)
    return KEPT.setdefault(url, Stores(users, accounts, journal, InMemoryCounters(), lambda: None))


@contextmanager
def restore(url: str) -> Iterator[Stores]:
    if url in KEPT:
        raise SettingsError("The database holds something already: name an empty one.")
    yield opened(url)


@pytest.fixture
def toy(monkeypatch):
    module = ModuleType("toy_store")
    functions = {"open_stores": opened, "upgrade": opened, "restore": restore}
    functions |= {"holds_bank": KEPT.__contains__, "is_in_use": lambda _url: False}
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, "toy_store", module)
    monkeypatch.setitem(BACKENDS, "toy", Backend("toy_store", "toy://NAME"))
    yield
    KEPT.clear()


def test_a_bank_opens_and_pays_on_a_store_that_was_added(toy, passwords):
    app = create_app({"STORE_URL": "toy://one", "LOG_FILE": "app.log"}, passwords=passwords)
    ada = Http(app).joined("ada")
    sender, receiver = (ada.opened(amount_minor)["id"] for amount_minor in (100, 0))
    body = {"from_account": sender, "to_account": receiver, "amount_minor": 30, "currency": "EUR"}
    assert ada("POST", "/v1/transfers", body).status_code == 201
    app.extensions["accounts"].close()
    accounts = KEPT["toy://one"].accounts
    assert isinstance(accounts, ToyAccountStore)
    found = [accounts.account(each) for each in (sender, receiver)]
    assert [each and each.balance_minor for each in found] == [70, 30]


def test_a_store_that_was_added_is_upgraded_and_copied(toy):
    upgrade_stores("toy://one")
    assert list(copy_stores("toy://one", "toy://two")) == []
    assert set(KEPT) == {"toy://one", "toy://two"}
    with pytest.raises(SettingsError, match="name an empty one"):
        list(copy_stores("toy://one", "toy://two"))


@pytest.mark.parametrize("scheme", BACKENDS)
def test_the_settings_take_every_scheme_of_the_table(scheme):
    url = f"{scheme}://" + ("/bank" if BACKENDS[scheme].is_durable else "")
    settings = load_settings({"STORE_URL": url, "JWT_SECRET_KEY": "s" * 32})
    assert settings.is_durable is (scheme != "memory")


@pytest.mark.parametrize("url", ["redis://x", "memory://x", "bank.db", ""])
def test_any_other_url_is_refused_with_the_schemes_of_the_table(url):
    with pytest.raises(SettingsError) as refused:
        backend_of(url)
    assert all(each.example in refused.value.detail for each in BACKENDS.values())


@pytest.mark.parametrize("urls", [("memory://", "sqlite:///a.db"), ("sqlite:///a.db", "memory://")])
def test_a_bank_in_memory_is_not_copied(urls):
    with pytest.raises(SettingsError, match="in its own process"):
        list(copy_stores(*urls))


def test_a_missing_driver_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(BACKENDS, "toy", Backend("no_such_driver", "toy://NAME", extra="toy"))
    with pytest.raises(SettingsError, match=r"needs no_such_driver: .*accounts-bank\[toy\]"):
        upgrade_stores("toy://one")
