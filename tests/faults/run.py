"""A run: clients work while one fault after another is injected; then the checker looks."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, product, repeat
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import NamedTuple

import msgspec

from tests.faults.books import Reader, read_books
from tests.faults.checker import check
from tests.faults.clients import Client
from tests.faults.findings import Finding, Sort
from tests.faults.history import History
from tests.faults.kinds.fault import Fault
from tests.faults.people import People, clients_of, set_up
from tests.faults.rig import Rig, opened_rig
from tests.faults.transport import HttpTransport
from tests.waiting import within

CLIENTS = 8
CALM_S = 0.5
RECOVERY_TIMEOUT_S = 30.0
READ_TIMEOUT_S = 300.0
"""The integrity of 100,000 entries takes a loaded machine more than half a minute."""


class Episode(NamedTuple):
    """One fault of a run. Moments are of the monotonic clock."""

    kind: str
    began_s: float
    healed_s: float
    ended_s: float
    is_recovered: bool


class Result(msgspec.Struct):
    """All that is known after a run."""

    store: str
    history: History
    episodes: list[Episode]
    findings: list[Finding]
    began_s: float
    ended_s: float


class Run:
    """Injects faults into a rig under load."""

    def __init__(
        self,
        rig: Rig,
        history: History,
        on_episode: Callable[[Episode], None],
        *,
        seed: int,
        clients: int,
    ) -> None:
        self.rig, self.history, self.on_episode = rig, history, on_episode
        self.random = Random(f"faults {seed}")  # noqa: S311 - the same faults each time
        self.direct = HttpTransport([rig.first.server.port], "direct", READ_TIMEOUT_S)
        """A way to the first bank without a wire."""
        self.people: People = set_up(self.direct, history)
        ports = [host.wire.port for host in rig.hosts]
        self.clients: list[Client] = clients_of(
            self.people, clients, history, lambda n: HttpTransport(ports, f"client {n}")
        )
        self.episodes: list[Episode] = []
        self.findings: list[Finding] = []

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Make an error of the run a finding, so that the table is written all the same."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - each error is reported
            traceback.print_exc()
            self.findings.append(Finding(Sort.OTHER, f"the run ended early: {error!r}"))

    def go(self, kinds: Sequence[type[Fault]], faults: int, operations: int) -> None:
        """Inject the faults, and go on until enough operations are acknowledged."""
        for client in self.clients:
            client.start()
        sleep(CALM_S)
        for kind in self.order(kinds, faults):
            self.inject(kind(self.rig, self.random))
            sleep(CALM_S)
        while self.history.done_count < operations and not any(each.error for each in self.clients):
            sleep(CALM_S)

    def order(self, kinds: Sequence[type[Fault]], faults: int) -> Iterator[type[Fault]]:
        """Give each kind as often as the others, in an order of chance."""
        rounds = chain.from_iterable(
            self.random.sample(kinds, len(kinds)) for _ in repeat(None, faults // len(kinds) + 1)
        )
        return (kind for kind, _ in zip(rounds, range(faults), strict=False))

    def inject(self, fault: Fault) -> None:
        began_s = monotonic()
        fault.inject()
        sleep(fault.lasts_s)
        fault.heal()
        healed_s = monotonic()
        is_recovered = within(RECOVERY_TIMEOUT_S, lambda: self.is_well(healed_s))
        self.episodes.append(Episode(fault.name, began_s, healed_s, monotonic(), is_recovered))
        self.on_episode(self.episodes[-1])
        if not is_recovered:
            self.findings.append(Finding(Sort.OTHER, f"no recovery from: {fault.name}", healed_s))
            self.lend_a_hand()
        if fault.complaint:
            self.findings.append(Finding(Sort.OTHER, fault.complaint, healed_s))

    def is_well(self, since_s: float) -> bool:
        """Tell whether each client was served, and each bank is ready."""
        served_s = [self.history.served_s.get(each.number, 0.0) for each in self.clients]
        return min(served_s) > since_s and all(host.is_ready() for host in self.rig.hosts)

    def lend_a_hand(self) -> None:
        """Start everything again; the run says so."""
        for host in self.rig.hosts:
            host.kill()
        self.rig.start()

    def end(self) -> None:
        """Let each client have its last answer; check everything."""
        for client in self.clients:
            client.ended.set()
        for client in self.clients:
            client.join()
            if client.error:
                raise client.error
        people = self.people
        books = read_books(self.direct, people.customers, people.auditor)
        self.findings += check(self.history, books)
        self.findings += self.proofs()
        self.direct.close()

    def proofs(self) -> Iterator[Finding]:
        """Have the bank prove itself: over HTTP, and by its two commands once it has ended."""
        report = Reader(self.direct, self.people.auditor).get("/v1/integrity")
        if not report["ok"]:
            yield Finding(Sort.OTHER, f"/v1/integrity says {report}")
        for host in self.rig.hosts:
            code = host.stop()
            if code != 0:
                yield Finding(Sort.OTHER, f"a bank ended with {code}")
        for host, command in product(self.rig.hosts, (["verify"], ["audit", "verify"])):
            done = host.ask(*command)
            if done.returncode:
                said = f"{done.stdout}{done.stderr}"
                yield Finding(Sort.OTHER, f"accounts {' '.join(command)}: {said}")


def run(
    store: str,
    kinds: Sequence[type[Fault]],
    *,
    faults: int,
    operations: int,
    clients: int = CLIENTS,
    seed: int = 1,
    file: Path | None = None,
    on_episode: Callable[[Episode], None] = lambda _: None,
) -> Result:
    """Run one store through its faults.

    :param operations: the number of acknowledged requests at which the run may end
    :param clients: the number of clients that work at the same time
    :param file: where each request is written down before it is sent
    :param on_episode: called after each fault
    """
    history = History(file)
    began_s = monotonic()
    with closing(history), opened_rig(store, file.parent if file else None) as rig:
        running = Run(rig, history, on_episode, seed=seed, clients=clients)
        with running.reporting():
            running.go(kinds, faults, operations)
            running.end()
    return Result(store, history, running.episodes, running.findings, began_s, monotonic())
