"""MongoDB says that its files are corrupt: the bank does nothing more."""

import re

import pytest

from accounts_bank.errors import Damaged, SettingsError
from accounts_bank.stores.mongo import MongoDatabase, faults
from tests.stores.mongo.helpers import NAME, failing

SENTENCE = r"The database is damaged: restore a backup\. It says: "


@pytest.mark.parametrize("code", [faults.DATA_CORRUPTION, faults.UNKNOWN_ERROR])
def test_a_damage_that_the_server_reports_ends_the_work(books, opened, raw, monkeypatch, code):
    monkeypatch.setattr(faults, "_OF_WIREDTIGER", re.compile("failCommand"))  # the server's text
    with failing(raw, 1, "insert", errorCode=code), pytest.raises(Damaged, match=SENTENCE):
        books.given(cyd=10)
    for call in (lambda: books.given(cyd=10), opened.ping, books.store.ledger().__enter__):
        with pytest.raises(Damaged, match=SENTENCE):  # no call reaches the server any more
            call()


def test_a_damage_that_the_server_reports_stops_the_start(opened, raw, mongo):
    opened.ping()
    with (
        failing(raw, 1, "find", errorCode=faults.DATA_CORRUPTION),
        pytest.raises(SettingsError, match=SENTENCE),
    ):
        MongoDatabase(mongo.url(NAME))
