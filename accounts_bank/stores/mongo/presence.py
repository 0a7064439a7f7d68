"""Whether a MongoDB database holds a bank, and whether a process has it open.

The server lists the connections with the name of their application (`$currentOp`), so a killed
process leaves no trace. The questions write nothing.
Source: https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from pymongo.database import Database

from accounts_bank.stores.mongo import schema
from accounts_bank.stores.mongo.client import NAME, Connections, application, client_for
from accounts_bank.stores.mongo.database import as_settings_error
from accounts_bank.stores.mongo.documents import Document

OWN_NAME = "accounts, a look"
"""The application name of these questions, so that they do not find themselves."""
_CONNECTIONS = {"$currentOp": {"idleConnections": True, "allUsers": False}}


def holds_bank(url: str) -> bool:
    """Return whether a database holds a bank, as `BackendModule` says."""
    with _database(url) as database:
        return schema.is_there(database)


def is_in_use(url: str) -> bool:
    """Return whether a process has the bank open, as `BackendModule` says."""
    with _database(url) as database:
        found = database.client.admin.aggregate([_CONNECTIONS])
        return any(each.get("appName") == application(database.name) for each in found)


@contextmanager
def _database(url: str) -> Iterator[Database[Document]]:
    client = client_for(url, Connections(), appname=OWN_NAME)
    with as_settings_error(), closing(client):
        yield client.get_default_database(NAME)
