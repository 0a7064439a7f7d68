"""Faults of the network: before the banks, and between the banks and their database."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from time import sleep
from typing import ClassVar

from tests.faults.kinds.fault import SERVERS, Fault
from tests.faults.wire import RESET, Weather, Wire

VANISHING = 150
REQUEST = b"GET /v1/accounts HTTP/1.1\r\nHost: bank\r\n\r\n"


class OnWires(Fault):
    """A change of the weather on some wires."""

    weather: ClassVar[Weather]

    def wires(self) -> Sequence[Wire]:
        """One bank's wire, or those of all banks."""
        return self.random.choice([[self.host.wire], [each.wire for each in self.rig.hosts]])

    def inject(self) -> None:
        self.chosen = self.wires()
        for wire in self.chosen:
            wire.weather = self.weather

    def heal(self) -> None:
        for wire in self.chosen:
            wire.weather = Weather.CLEAR


class Reset(OnWires):
    """All connections are reset, several times."""

    weather = Weather.CLEAR

    def inject(self) -> None:
        super().inject()
        for _ in range(4):
            for wire in self.chosen:
                wire.reset()
            sleep(0.2)


class Refused(OnWires):
    """Connections are reset, and new ones refused."""

    weather = Weather.REFUSED

    def inject(self) -> None:
        super().inject()
        for wire in self.chosen:
            wire.reset()


class BlackHole(OnWires):
    weather = Weather.BLACK_HOLE


class HalfOpen(OnWires):
    """Requests arrive, answers do not."""

    weather = Weather.HALF_OPEN


class Latency(OnWires):
    weather = Weather.LATENCY


class Drip(OnWires):
    """Bytes come a few at a time."""

    weather = Weather.DRIP


class LostAnswers(OnWires):
    """One answer in five is lost with its connection."""

    weather = Weather.LOST_ANSWERS


class ToBanks:
    """The wires before the banks."""


class ToDatabase:
    """The wires before the database."""

    stores = SERVERS

    def wires(self) -> Sequence[Wire]:
        return self.rig.database.wires  # type: ignore[attr-defined] # of the fault


class BanksReset(ToBanks, Reset):
    name = "connections to banks are reset"


class BanksRefused(ToBanks, Refused):
    name = "connections to banks are refused"


class BanksBlackHole(ToBanks, BlackHole):
    name = "a black hole before banks"


class BanksHalfOpen(ToBanks, HalfOpen):
    name = "banks are heard no more"


class BanksLatency(ToBanks, Latency):
    name = "0.3 s more to banks"


class BanksDrip(ToBanks, Drip):
    name = "bytes drip to and from banks"


class BanksLoseAnswers(ToBanks, LostAnswers):
    name = "answers of banks are lost"


class RequestsRepeated(ToBanks, OnWires):
    """The network sends each request a second time, as a balancer may."""

    name = "requests arrive twice"
    weather = Weather.REPEATED


class DatabaseReset(ToDatabase, Reset):
    name = "connections to the database are reset"


class DatabaseRefused(ToDatabase, Refused):
    name = "connections to the database are refused"


class DatabaseBlackHole(ToDatabase, BlackHole):
    name = "a black hole before the database"


class DatabaseHalfOpen(ToDatabase, HalfOpen):
    name = "the database is heard no more"


class DatabaseLatency(ToDatabase, Latency):
    name = "0.3 s more to the database"


class DatabaseDrip(ToDatabase, Drip):
    name = "bytes drip to and from the database"


class DatabaseLosesAnswers(ToDatabase, LostAnswers):
    name = "answers of the database are lost"


class ClientsVanish(Fault):
    """Clients stay silent, stop within the head, or leave without their answer."""

    name = "clients vanish"

    def inject(self) -> None:
        self.sockets = []
        for number in range(VANISHING):
            with suppress(OSError):
                each = socket.create_connection(("127.0.0.1", self.host.server.port), timeout=1)
                self.sockets.append(each)
                each.sendall((b"", REQUEST[:30], REQUEST)[number % 3])
                if number % 3 == 2:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    each.close()

    def heal(self) -> None:
        for each in self.sockets:
            each.close()


KINDS = [
    BanksReset,
    BanksRefused,
    BanksBlackHole,
    BanksHalfOpen,
    BanksLatency,
    BanksDrip,
    BanksLoseAnswers,
    RequestsRepeated,
    ClientsVanish,
    DatabaseReset,
    DatabaseRefused,
    DatabaseBlackHole,
    DatabaseHalfOpen,
    DatabaseLatency,
    DatabaseDrip,
    DatabaseLosesAnswers,
]
