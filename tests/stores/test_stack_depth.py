"""The way of a transfer through our own code is short."""

import traceback

import pytest
from sqlalchemy import event

from accounts_bank.app import create_app
from accounts_bank.stores.sql import Database
from tests.helpers import Http

OWN_FRAMES_MAX = 19
"""From `AccountCollection.transfer` to the driver. The bound only ever goes down."""


@pytest.fixture
def opened(monkeypatch) -> list[Database]:
    """Keep each database that a bank opens."""
    kept: list[Database] = []
    prepare = Database._prepare

    def keep(self: Database, *arguments) -> None:
        kept.append(self)
        prepare(self, *arguments)

    monkeypatch.setattr(Database, "_prepare", keep)
    return kept


def test_a_transfer_on_sqlite_takes_few_frames_of_our_own(opened, passwords):
    app = create_app({"STORE_URL": "sqlite:///bank.db", "LOG_FILE": "app.log"}, passwords=passwords)
    frames: list[list[str]] = []

    def look(_connection, _cursor, statement, *_rest) -> None:
        own = [each for each in traceback.extract_stack() if "/accounts_bank/" in each.filename]
        names = [each.name for each in own]
        if "INSERT INTO entries" in statement and "transfer" in names:
            start = max(index for index, name in enumerate(names) if name == "transfer")
            frames.append(names[start:])

    event.listen(opened[0].engine, "before_cursor_execute", look)
    ada = Http(app).joined("ada")
    payer, payee = ada.opened(100), ada.opened()
    assert ada.transfer(payer, payee, 30).status_code == 201
    app.extensions["accounts"].close()
    assert frames
    assert max(map(len, frames)) <= OWN_FRAMES_MAX, frames
