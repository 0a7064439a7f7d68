"""Banks on a MongoDB of three machines, whose primary is cut off from its followers.

Writers count up: each confirmed deposit of 1 and each confirmed name is a number. Readers ask both
banks all the time. A read is stale if it shows less than was confirmed before it was sent.

`python -m tests.system.partition --cuts 30` makes many cuts and prints a report.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

import msgspec

from tests.mongo import Mongo
from tests.network import Network
from tests.system.servers import ACCOUNTS, Server, served
from tests.waiting import within

NODES = 3
CUT_S = 6.0
BETWEEN_CUTS_S = 2.0
BETWEEN_READS_S = 0.005
READ_TIMEOUT_S = 20
HEALED_S = 30
AUDITOR = {"username": "auditor", "role": "auditor", "password": "correct horse"}


class Confirmed:
    """A number that clients count up, with the time at which each step was confirmed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._times_s = [time.monotonic()]

    @property
    def number(self) -> int:
        return len(self._times_s) - 1

    def add(self) -> None:
        """Take note that one more step is confirmed."""
        with self._lock:
            self._times_s.append(time.monotonic())

    def age_s(self, number: int, asked_s: float) -> float:
        """Return the time for which a number was out of date when it was asked for."""
        return asked_s - self._times_s[number + 1]


class Stale(NamedTuple):
    """A read that showed less than was confirmed before it was sent."""

    what: str
    bank: int
    shown: int
    confirmed: int
    age_s: float
    after_cut_s: float


class Connection:
    """One kept-alive connection to a bank."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._http = HTTPConnection("127.0.0.1", port, timeout=READ_TIMEOUT_S)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Make a request; answer (0, None) if no answer came."""
        text = None if body is None else msgspec.json.encode(body)
        try:
            self._http.request(method, path, text, self._headers | headers)
            answer = self._http.getresponse()
            return answer.status, msgspec.json.decode(answer.read())
        except (OSError, HTTPException, msgspec.DecodeError):
            self._http.close()
            return 0, None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


class Run:
    """The clients of one run, and their findings."""

    def __init__(self, banks: Sequence[Server]) -> None:
        self.banks, self.ended = banks, Event()
        self.token = banks[0].joined("ada")
        self.account = banks[0].opened(self.token)
        self.deposits, self.names, self.entry_id = Confirmed(), Confirmed(), ""
        self.reads: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.stale: list[Stale] = []
        self.wrong: list[str] = []
        self.cut_s = time.monotonic()
        readers = [partial(self._read, what) for what in READS]
        clients: list[Client] = [self._deposit, self._sign_in, *readers]
        self._threads = [self._start(each, bank) for bank in range(len(banks)) for each in clients]
        self._threads.append(self._start(self._rename, 0))

    def end(self) -> None:
        """Let every client have its last answer."""
        self.ended.set()
        for each in self._threads:
            each.join()

    def _deposit(self, connection: Connection, bank: int) -> None:
        turn = 0
        body = {"account": self.account, "amount_minor": 1, "currency": "EUR"}
        while not self.ended.is_set():
            turn += 1
            key = {"Idempotency-Key": f"{bank}-{turn}"}
            while (answer := connection.ask("POST", "/v1/deposits", body, **key))[0] != 201:
                self._not_done(answer)
            self.deposits.add()
            self.entry_id = answer[1]["id"]
            time.sleep(BETWEEN_READS_S)

    def _rename(self, connection: Connection, _bank: int) -> None:
        while not self.ended.is_set():
            body = {"full_name": str(self.names.number + 1)}
            while (answer := connection.ask("PATCH", "/v1/users/me", body))[0] != 200:
                self._not_done(answer)
            self.names.add()
            time.sleep(10 * BETWEEN_READS_S)

    def _sign_in(self, here: Connection, bank: int) -> None:
        """Sign in at one bank and out at the other; each must know at once."""
        wish = {"username": "ada", "password": "correct horse"}
        other = (bank + 1) % len(self.banks)
        while not self.ended.is_set():
            status, tokens = here.ask("POST", "/v1/auth/login", wish)
            if status != 200:
                self._not_done((status, tokens))
                continue
            with (
                closing(Connection(self.banks[other].port, tokens["access_token"])) as session,
                closing(Connection(self.banks[bank].port, tokens["access_token"])) as same,
            ):
                self._session_is(session, 200, "a session that was begun")
                if session.ask("POST", "/v1/auth/logout")[0] == 204:
                    self._session_is(same, 401, "a session that was ended")
            time.sleep(0.3)

    def _session_is(self, session: Connection, expected: int, what: str) -> None:
        status, _ = session.ask("GET", "/v1/users/me")
        self.reads["session"] += 1
        if status not in {0, 503, expected}:
            self.wrong.append(f"{what}: {status}")

    def _not_done(self, answer: tuple[int, Any]) -> None:
        self.statuses[answer[0]] += 1
        if answer[0] not in {0, 503}:
            self.wrong.append(str(answer))
        time.sleep(0.02)

    def _start(self, client: "Client", bank: int) -> Thread:
        def run() -> None:
            with closing(Connection(self.banks[bank].port, self.token)) as connection:
                client(connection, bank)

        thread = Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _read(self, what: str, connection: Connection, bank: int) -> None:
        """Ask for one number until the end of the run."""
        read = READS[what]
        while not self.ended.is_set():
            before = Before(read.confirmed(self).number, time.monotonic())
            entry_id = self.entry_id
            self._compare(what, bank, connection.ask("GET", read.path(self)), before)
            if what == "balance" and entry_id:
                status, _ = connection.ask("GET", f"/v1/deposits/{entry_id}")
                self.reads["entry"] += status == 200
                if status not in {0, 200, 503}:
                    self.wrong.append(f"a confirmed entry: {status}")
            time.sleep(BETWEEN_READS_S)

    def _compare(self, what: str, bank: int, answer: tuple[int, Any], before: "Before") -> None:
        """Compare an answer with the number that was confirmed before the read was sent."""
        status, body = answer
        self.statuses[status] += 1
        if status in {0, 503}:
            time.sleep(0.02)
            return
        shown = READS[what].shown(body) if status == 200 else -1
        self.reads[what] += 1
        if shown < before.number:
            age_s = READS[what].confirmed(self).age_s(max(shown, 0), before.asked_s)
            after_cut_s = before.asked_s - self.cut_s
            self.stale.append(Stale(what, bank, shown, before.number, age_s, after_cut_s))


class Before(NamedTuple):
    """The state before a read was sent."""

    number: int
    asked_s: float


class Read(NamedTuple):
    """A way to ask for a number that is counted up."""

    path: Callable[[Run], str]
    shown: Callable[[Any], int]
    confirmed: Callable[[Run], Confirmed] = lambda run: run.deposits


READS = {
    "balance": Read(lambda run: f"/v1/accounts/{run.account}", lambda body: body["balance_minor"]),
    "accounts": Read(lambda _run: "/v1/accounts", lambda body: body["data"][0]["balance_minor"]),
    "lines": Read(
        lambda run: f"/v1/accounts/{run.account}/lines?limit=1",
        lambda body: body["data"][0]["number"] if body["data"] else 0,
    ),
    "user": Read(
        lambda _run: "/v1/users/me",
        lambda body: int(body["full_name"] or 0),
        lambda run: run.names,
    ),
}


Client = Callable[[Connection, int], None]


@contextmanager
def banks_on(url: str, count: int = 2) -> Iterator[list[Server]]:
    """Run banks on one store, each in a folder of its own, where it writes an audit log."""
    shared = {
        "ACCOUNTS_STORE_URL": url,
        "ACCOUNTS_JWT_SECRET_KEY": "a secret that all banks have, of 32 bytes",
        "ACCOUNTS_LOG_LEVEL": "ERROR",
        "ACCOUNTS_STAFF": json.dumps([AUDITOR]),
    }
    with ExitStack() as running:
        banks = []
        for number in range(count):
            folder = Path(f"bank{number}").resolve()
            folder.mkdir()
            own = {} if number == 0 else {"ACCOUNTS_STAFF": "[]"}
            with chdir(folder):
                environment: dict[str, Any] = shared | own
                banks.append(running.enter_context(served(**environment)))
        yield banks


@contextmanager
def mongo_on_a_network() -> Iterator[tuple[Network, Mongo]]:
    """Start a replica set of three machines."""
    with ExitStack() as started:
        network = Network(NODES)
        started.callback(network.end)
        mongo = Mongo(machines=network.machines)
        started.callback(mongo.remove)
        yield network, mongo


def cut_off_the_primary(network: Network, mongo: Mongo, run: Run, cut_s: float = CUT_S) -> None:
    """Cut the primary off from its followers for a time, and wait until the bank writes again.

    One follower copies from the other, so a new primary can confirm writes at once.
    """
    primary = mongo.primary()
    assert primary.machine is not None
    first, second = (node for node in mongo.nodes if node is not primary)
    second.ask("replSetSyncFrom", first.host)
    others = network.others(primary.machine)
    run.cut_s = time.monotonic()
    primary.machine.cut(others)
    time.sleep(cut_s)
    primary.machine.heal(others)
    healed = run.deposits.number
    assert within(HEALED_S, lambda: run.deposits.number > healed + 10)


def faults(url: str, bank: Server, folder: Path) -> list[str]:
    """Prove the books of a bank and its audit log in each way that there is; return the faults."""
    found = []
    status, tokens = bank.ask(
        "POST", "/v1/auth/login", {name: AUDITOR[name] for name in ("username", "password")}
    )
    status, told = bank.ask("GET", "/v1/integrity", token=tokens["access_token"])
    if (status, told.get("ok")) != (200, True):
        found.append(f"integrity: {status} {told}")
    environment = os.environ | {"ACCOUNTS_STORE_URL": url}
    for words in (["verify"], ["audit", "verify"]):
        done = subprocess.run(
            [ACCOUNTS, *words], cwd=folder, env=environment, capture_output=True, check=False
        )
        if done.returncode:
            found.append(f"{words}: {done.stdout!r} {done.stderr!r}")
    lines = (folder / "audit.log").read_text().splitlines()
    ids = Counter(json.loads(line).get("id") for line in lines)
    found += [f"sealed {count} times: {each}" for each, count in ids.items() if count > 1]
    return found


def report(number: int, run: Run, stale: Sequence[Stale]) -> None:
    """Print the findings of one cut."""
    ages_s = [each.age_s for each in stale] or [0]
    print(  # noqa: T201 - the report of a command
        f"cut {number}: {sum(run.reads.values())} reads, {run.deposits.number} deposits so far;",
        f"{len(stale)} stale, by {max(ages_s):.2f} s at most,",
        dict(Counter((each.what, each.bank) for each in stale)),
        flush=True,
    )


def main() -> None:
    """Make many cuts and print the report; the exit code is 1 if a read was stale or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=30, help="number of cuts")
    parser.add_argument("--seconds", type=float, default=CUT_S, help="length of a cut")
    parser.add_argument("--pause", type=float, default=BETWEEN_CUTS_S, help="seconds between cuts")
    given = parser.parse_args()
    with ExitStack() as started:
        started.enter_context(chdir(started.enter_context(tempfile.TemporaryDirectory())))
        network, mongo = started.enter_context(mongo_on_a_network())
        run = Run(started.enter_context(banks_on(mongo.url())))
        for number in range(1, given.cuts + 1):
            time.sleep(given.pause)
            before = len(run.stale)
            cut_off_the_primary(network, mongo, run, given.seconds)
            report(number, run, run.stale[before:])
        run.end()
        for number, bank in enumerate(run.banks):
            run.wrong += faults(mongo.url(), bank, Path(f"bank{number}"))
        print(dict(run.reads), dict(run.statuses), Counter(run.wrong).most_common(9))  # noqa: T201
    sys.exit(bool(run.stale or run.wrong))


if __name__ == "__main__":
    main()
