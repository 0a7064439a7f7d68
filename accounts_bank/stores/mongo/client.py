"""The driver's client: the options that a URL may set, the servers it accepts, its connections."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from pymongo import MongoClient
from pymongo.monitoring import ConnectionPoolListener
from pymongo.uri_parser import parse_uri

from accounts_bank.errors import SettingsError
from accounts_bank.stores.mongo.documents import Document

NAME = "bank"
"""The name of the database if the URL has none."""

CONNECT_TIMEOUT_S = 5
SOCKET_TIMEOUT_S = 10
CONNECTIONS_MAX = 50

WIRE_VERSION_MIN = 13
"""MongoDB 5.0, the first version with snapshot reads outside of transactions."""
STRONG: dict[str, set[Any]] = {
    "w": {"majority"},
    "journal": {True},
    "readConcernLevel": {"majority", "snapshot", "linearizable"},
    "readPreference": {"primary"},
    "retryWrites": {True},
    "retryReads": {True},
}
"""The options of a URL that weaken writes or reads, with the values that are accepted."""


class Connections(ConnectionPoolListener):
    """Counts the connections in use."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._in_use = 0

    def gauges(self) -> dict[str, float]:
        """Return the gauges by name."""
        return {"store_connections": self._in_use, "store_connections_max": CONNECTIONS_MAX}

    def connection_checked_out(self, event: Any) -> None:  # noqa: ARG002 - the listener's signature
        with self._lock:
            self._in_use += 1

    def connection_checked_in(self, event: Any) -> None:  # noqa: ARG002
        with self._lock:
            self._in_use -= 1

    def _ignored(self, event: Any) -> None:
        """Ignore an event."""

    pool_created = pool_ready = pool_cleared = pool_closed = _ignored
    connection_created = connection_ready = connection_closed = _ignored
    connection_check_out_started = connection_check_out_failed = _ignored


def application(database: str | None) -> str:
    """Return the name by which a bank's connections to its database are known to the server."""
    return f"accounts {database or NAME}"


def client_for(
    url: str, connections: Connections, *, appname: str | None = None
) -> MongoClient[Document]:
    """Make a client with majority writes, reads from the primary and bounded waits.

    :raises SettingsError: the URL sets a weaker option.
    """
    parsed = parse_uri(url)
    for name, strong in STRONG.items():
        given = parsed["options"].get(name)
        if given is not None and given not in strong:
            raise SettingsError(
                f"STORE_URL has {name}={given}, with which a crash loses confirmed payments. "
                "Leave it out: the bank sets a safe value."
            )
    return MongoClient(
        url,
        appname=appname or application(parsed["database"]),
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
    """Check that a server has transactions and snapshot reads.

    :param hello: the answer of the server to the command `hello`.
    :raises SettingsError: it lacks one of them.
    """
    if "setName" not in hello:
        raise SettingsError(
            "STORE_URL is a MongoDB without a replica set, which has no transactions. Start mongod "
            "with --replSet rs0 and run rs.initiate() once. One node is enough."
        )
    if hello["maxWireVersion"] < WIRE_VERSION_MIN:
        raise SettingsError("STORE_URL is a MongoDB older than 5.0: use a newer one.")
