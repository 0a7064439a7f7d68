"""Banks in databases, and hands that reach into them past everything that guards them."""

import os
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

from bson.int64 import Int64
from pymongo import MongoClient
from sqlalchemy import text

from accounts_bank.audit.comparison import Contents
from accounts_bank.audit.opening import LogSettings, open_log
from accounts_bank.audit.sealer import Sealer
from accounts_bank.audit.verifier import Verifier
from accounts_bank.ledger.actions import (
    CloseAccount,
    Every,
    Hold,
    RenameAccount,
    Schedule,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase, MongoUserStore
from accounts_bank.stores.sql import Database, SqlAccountStore, SqlUserStore
from tests.helpers import START
from tests.stores.books import Books
from tests.stores.journals import journal_of
from tests.system.servers import ACCOUNTS


def fill(books: Books) -> None:
    books.given(ada=100, bob=0, eve=0)
    for amount_minor in (10, 1000, 20, 30):
        books.send("ada", "bob", amount_minor, entry_id=f"sent-{amount_minor}")
    books.ask(Withdrawal(books.opened["bob"], 5, "EUR"), entry_id="taken")
    books.ask(RenameAccount(books.opened["bob"], "Other"))
    books.ask(CloseAccount(books.opened["eve"], "owner-eve"))
    ada, bob = books.opened["ada"], books.opened["bob"]
    books.ask(Hold(ada, bob, 15, "EUR", 60, metadata={"order": "7"}), entry_id="held")
    books.ask(Schedule(ada, bob, 1, "EUR", START, Every.DAY), entry_id="planned")


class Bank:
    """A bank with books that are sealed in an audit log."""

    def __init__(self, store: AccountStore, users: UserStore, url: str) -> None:
        self.store, self.books, self.url = store, Books(store), url
        self.users, self.journal = users, journal_of(store)
        fill(self.books)
        self.open()

    def open(self) -> None:
        """Open the audit log and seal what waits."""
        where = LogSettings(Path("audit.log"), None, is_durable=True)
        self.log = open_log(where, self.journal, START, str(uuid4()))
        self.sealer = Sealer(self.journal, self.log, in_background=lambda: False)
        self.contents = Contents(self.users, self.store, self.journal)
        self.verifier = Verifier(self.contents, self.sealer, None)

    def fault(self) -> str | None:
        """Return the first fault; None where there is none."""
        report = self.verifier.verify()
        assert report.ok is (report.fault is None)
        return report.fault

    def verified(self) -> tuple[int, str]:
        """Run `accounts verify`; give its exit code and the last it says."""
        environment = os.environ | {"ACCOUNTS_STORE_URL": self.url}
        done = subprocess.run(
            [ACCOUNTS, "verify"], env=environment, capture_output=True, text=True, check=False
        )
        assert not done.stderr, done.stderr
        return done.returncode, done.stdout.splitlines()[-1]

    def close(self) -> None:
        self.sealer.close()


class SqlBank(Bank):
    """A bank in an SQL database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        url = database.url.render_as_string(hide_password=False)
        super().__init__(SqlAccountStore(database, decide), SqlUserStore(database), url)

    def alter(self, statement: str, **given: object) -> None:
        names = {name: each for name, each in self.books.opened.items() if f":{name}" in statement}
        with self.database.engine.begin() as connection:
            if self.database.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            assert connection.execute(text(statement), {**names, **given}).rowcount > 0

    def unhear(self, entry_id: str) -> None:
        """Have an entry not wait for the audit log."""
        self.alter("DELETE FROM unsealed WHERE id = :entry_id", entry_id=entry_id)


class MongoBank(Bank):
    """A bank in MongoDB."""

    def __init__(self, database: MongoDatabase, url: str) -> None:
        super().__init__(MongoAccountStore(database, decide), MongoUserStore(database), url)
        self.client = MongoClient[Any](url)
        self.raw = self.client.get_default_database()

    def close(self) -> None:
        self.client.close()
        super().close()

    def change(self, collection: str, which: dict[str, Any], change: Any) -> None:
        """Change documents, or remove them where the change is None."""
        each = self.raw[collection]
        which = {key: self.books.opened.get(value, value) for key, value in which.items()}
        if change is None:
            assert each.delete_many(which).deleted_count
        else:
            done = self.raw.command(
                "update",
                collection,
                updates=[{"q": which, "u": change, "multi": True}],
                bypassDocumentValidation=True,
            )
            assert done["nModified"]

    def renumber(self, account: str, number: int, other: int) -> None:
        line_id = {"account_id": self.books.opened[account], "number": Int64(number)}
        line = self.raw["lines"].find_one_and_delete({"_id": line_id})
        self.raw["lines"].insert_one(line | {"_id": line_id | {"number": Int64(other)}})

    def unhear(self, entry_id: str) -> None:
        """Have an entry not wait for the audit log."""
        self.change("entries", {"_id": entry_id}, {"$unset": {"place": ""}})
