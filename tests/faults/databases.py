"""The databases of a run, and the ways in which each can fail."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path

from tests.faults.disk import Disk
from tests.faults.wire import Wire
from tests.mongo import Mongo, Node
from tests.postgres import Postgres


class Database(ABC):
    """A database behind wires."""

    wires: tuple[Wire, ...] = ()

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL by which the banks reach it."""

    def close(self) -> None:
        """End it and remove its files."""
        for wire in self.wires:
            wire.close()


class Server(Database):
    """A database with processes of its own."""

    @abstractmethod
    def kill(self) -> None:
        """End it by SIGKILL; of several nodes the one that takes writes."""

    @abstractmethod
    def start(self) -> None:
        """Start what was killed or stopped."""

    @abstractmethod
    def stop(self) -> None:
        """End it in order, or as fast as it allows."""

    @abstractmethod
    def freeze(self) -> None:
        """Stop its processes by SIGSTOP; of several nodes the one that takes writes."""

    @abstractmethod
    def thaw(self) -> None:
        """Let them go on."""


class SqliteFile(Database):
    """A file."""

    @property
    def path(self) -> Path:
        return self.disk.folder / "bank.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"


class PostgresServer(Server):
    """One PostgreSQL, which syncs each commit."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self.server = Postgres(disk.folder)
        self.direct_url = self.server.database("bank")
        self.wires = (Wire(self.server.port),)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.wires[0].port}/bank"

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        if not self.server.is_running():
            self.server.start()

    def stop(self) -> None:
        self.server.stop("immediate")

    def freeze(self) -> None:
        self.server.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.server.signal(signal.SIGCONT)

    def close(self) -> None:
        super().close()
        self.thaw()
        self.server.remove()


class WiredMongo(Mongo):
    """A replica set whose members know each other by their wires."""

    def __init__(self, size: int) -> None:
        self.wires: dict[int, Wire] = {}
        super().__init__(size)

    def address(self, node: Node) -> str:
        wire = self.wires.get(node.port) or self.wires.setdefault(node.port, Wire(node.port))
        return f"127.0.0.1:{wire.port}"


class MongoServer(Server):
    """Three nodes of MongoDB."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self.set = WiredMongo(3)
        self.wires = tuple(self.set.wires.values())
        self.ill: Node | None = None

    @property
    def url(self) -> str:
        return self.set.url("bank")

    def kill(self) -> None:
        self.ill = self.set.primary()
        self.ill.kill()

    def kill_follower(self) -> None:
        primary = self.set.primary()
        self.ill = next(each for each in self.set.nodes if each is not primary)
        self.ill.kill()

    def start(self) -> None:
        for node in self.set.nodes:
            if node.process.poll() is not None:
                node.start()

    def stop(self) -> None:
        self.ill = self.set.primary()
        self.ill.process.terminate()
        self.ill.process.wait()

    def freeze(self) -> None:
        self.ill = self.set.primary()
        self.ill.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        for node in self.set.nodes:
            node.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        super().close()
        self.set.remove()


DATABASES: dict[str, type[Database]] = {
    "sqlite": SqliteFile,
    "postgresql": PostgresServer,
    "mongodb": MongoServer,
}


def open_database(store: str, disk: Disk) -> Database:
    return DATABASES[store](disk)
