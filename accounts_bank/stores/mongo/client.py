"""The driver's client: what a URL may ask of it, which servers will do, its connections."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from pymongo import MongoClient
from pymongo.monitoring import ConnectionPoolListener
from pymongo.uri_parser import parse_uri

from accounts_bank.errors import SettingsError
from accounts_bank.stores.mongo.documents import Document

NAME = "bank"
"""What the database is called where the URL names none."""

CONNECT_TIMEOUT_S = 5
SOCKET_TIMEOUT_S = 10
CONNECTIONS_MAX = 50

WIRE_VERSION_MIN = 13
"""MongoDB 5.0: before it, snapshots were for transactions alone."""
STRONG: dict[str, set[Any]] = {
    "w": {"majority"},
    "journal": {True},
    "readConcernLevel": {"majority", "snapshot", "linearizable"},
    "readPreference": {"primary"},
    "retryWrites": {True},
    "retryReads": {True},
}
"""What a URL may say of how safe writes and reads are to be; the bank itself asks for the most."""


class Connections(ConnectionPoolListener):
    """Counts the connections in use."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._in_use = 0

    def gauges(self) -> dict[str, float]:
        """Give what there is to be watched."""
        return {"store_connections": self._in_use, "store_connections_max": CONNECTIONS_MAX}

    def connection_checked_out(self, event: Any) -> None:  # noqa: ARG002 - one is as another
        with self._lock:
            self._in_use += 1

    def connection_checked_in(self, event: Any) -> None:  # noqa: ARG002
        with self._lock:
            self._in_use -= 1

    def _ignored(self, event: Any) -> None:
        """Take no note."""

    pool_created = pool_ready = pool_cleared = pool_closed = _ignored
    connection_created = connection_ready = connection_closed = _ignored
    connection_check_out_started = connection_check_out_failed = _ignored


def client_for(url: str, connections: Connections) -> MongoClient[Document]:
    """Make a client that asks for what is safe, and waits for nothing without an end.

    :raises SettingsError: the URL asks for less.
    """
    parsed = parse_uri(url)
    for name, strong in STRONG.items():
        given = parsed["options"].get(name)
        if given is not None and given not in strong:
            raise SettingsError(
                f"STORE_URL has {name}={given}, with which a crash loses what was confirmed: "
                "leave it out, the bank asks for what is safe."
            )
    return MongoClient(
        url,
        appname=f"accounts {parsed['database'] or NAME}",
        w="majority",
        journal=True,
        readPreference="primary",
        connectTimeoutMS=CONNECT_TIMEOUT_S * 1000,
        serverSelectionTimeoutMS=CONNECT_TIMEOUT_S * 1000,
        socketTimeoutMS=SOCKET_TIMEOUT_S * 1000,
        waitQueueTimeoutMS=CONNECT_TIMEOUT_S * 1000,
        maxPoolSize=CONNECTIONS_MAX,
        event_listeners=[connections],
    )


def check_server(hello: Mapping[str, Any]) -> None:
    """Take a server by what it says of itself.

    :raises SettingsError: it cannot do what the bank needs.
    """
    if "setName" not in hello:
        raise SettingsError(
            "STORE_URL is a MongoDB without a replica set, which has no transactions: start mongod "
            "with --replSet rs0 and run rs.initiate() once. One node is enough."
        )
    if hello["maxWireVersion"] < WIRE_VERSION_MIN:
        raise SettingsError("STORE_URL is a MongoDB older than 5.0: use a newer one.")
