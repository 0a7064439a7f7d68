"""One suite over every store: the tests know the abstract classes alone, and these fixtures."""

import sys
from collections.abc import Callable, Iterator

import pytest

from accounts.ledger.decide import Decide, decide
from accounts.stores.base import AccountStore, UserStore
from accounts.stores.memory import InMemoryAccountStore, InMemoryUserStore

STORES = ["memory"]
"""Every store there is: one that cannot be started here is a failure."""

NewAccountStore = Callable[[Decide], AccountStore]


@pytest.fixture(params=STORES)
def new_account_store(request: pytest.FixtureRequest) -> NewAccountStore:
    """Make empty account stores."""
    return {"memory": InMemoryAccountStore}[request.param]


@pytest.fixture
def account_store(new_account_store: NewAccountStore) -> AccountStore:
    """Make an empty account store with the rules of the bank."""
    return new_account_store(decide)


@pytest.fixture(params=STORES)
def user_store(request: pytest.FixtureRequest) -> UserStore:
    """Make an empty user store."""
    return {"memory": InMemoryUserStore}[request.param]()


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads take turns as often as they can, so that races happen."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)
