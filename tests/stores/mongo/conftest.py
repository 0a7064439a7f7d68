"""Fixtures of the tests of MongoDB: books on a set of one node."""

from contextlib import closing
from typing import Any

import pytest
from pymongo import MongoClient

from accounts_bank.ledger.decide import decide
from accounts_bank.stores.mongo import (
    MongoAccountStore,
    MongoDatabase,
)
from tests.stores.books import Books
from tests.stores.mongo.helpers import NAME


@pytest.fixture
def opened(new_database):
    return new_database("mongo")


@pytest.fixture
def books(opened):
    made = Books(MongoAccountStore(opened, decide))
    made.given(ada=10, bob=0)
    return made


@pytest.fixture
def raw(mongo):
    with MongoClient[Any](mongo.url(NAME)) as client:
        yield client


@pytest.fixture
def others(mongo, books):
    """Give the same books as another process sees them."""
    with closing(MongoDatabase(mongo.url(NAME))) as other:
        made = Books(MongoAccountStore(other, decide))
        made.opened, made.owners = books.opened, books.owners
        yield made
