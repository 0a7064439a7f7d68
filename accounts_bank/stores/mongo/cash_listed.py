"""List the deposits and withdrawals of a database of version 6 or less under their customers."""

from collections.abc import Iterator
from typing import Any

from pymongo import UpdateOne
from pymongo.database import Database

from accounts_bank.ledger.integrity.derived import batches
from accounts_bank.ledger.values import BANK_ID, Status
from accounts_bank.stores.mongo.documents import Document


def list_cash(database: Database[Document]) -> None:
    """Give each recorded deposit and withdrawal the id of its customer."""
    cash = {"kind": {"$in": ["deposit", "withdrawal"]}, "status": str(Status.RECORDED)}
    for some in batches(database["entries"].find(cash, {"lines": 1})):
        writes = list(_writes(database, some))
        if writes:
            database["entries"].bulk_write(writes, ordered=False)


def _writes(database: Database[Document], entries: list[Document]) -> Iterator[UpdateOne]:
    lines = [(entry["_id"], line["account_id"]) for entry in entries for line in entry["lines"]]
    named: dict[str, Any] = {"_id": {"$in": list({account_id for _, account_id in lines})}}
    customers = named | {"owner_id": {"$ne": BANK_ID}}
    found = database["accounts"].find(customers, {"owner_id": 1})
    owners = {account["_id"]: account["owner_id"] for account in found}
    for entry_id, account_id in lines:
        if account_id in owners:
            yield UpdateOne({"_id": entry_id}, {"$set": {"mentions": [owners[account_id]]}})
