"""Compare each store over HTTP with the limits of the machine and of the database.

Two workers serve each store (one serves memory). `pgbench` runs its TPC-B-like script on the same
PostgreSQL: one update each of three tables, an insert and a select, prepared, 16 clients. The
measurements take turns, so that other load on the machine affects all of them.
"""

import random
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from statistics import median
from typing import Any

import psycopg

from bench.load import CONNECTIONS, Load, Running, load, open_accounts, running
from tests.mongo import Mongo
from tests.postgres import Postgres

SECONDS = 4
ROUNDS = 3
ACCOUNTS = 200
BODIES = 1_000
CLIENTS = 16
NEEDS = {"to one hot account": 0.7, "pgbench TPC-B-like": 0.8}

Body = dict[str, Any]
Rate = Callable[[], float]


def run() -> None:
    with running("ours", "bare") as server:
        report("bare Flask POST", CONNECTIONS, load(server, SECONDS))
    for store, databases in STORES.items():
        print(f"-- {store}", flush=True)
        with databases() as (new_database, yardsticks):
            workers = "1" if store == "memory" else "2"
            settings = {"ACCOUNTS_STORE_URL": new_database("bank"), "BENCH_WORKERS": workers}
            with running("ours", "bank", environment=settings) as server:
                settings |= {"ACCOUNTS_STORE_URL": new_database("alone"), "BENCH_UNGROUPED": "1"}
                with running("ours", "bank", environment=settings) as alone:
                    measure(server, alone, yardsticks)


def measure(server: Running, alone: Running, yardsticks: dict[str, Rate]) -> None:
    ids, others = open_accounts(server, ACCOUNTS), open_accounts(alone, ACCOUNTS)
    load(server, 2, bodies=uniform(ids))
    load(alone, 2, bodies=uniform(others))
    for connections in (1, 16, CONNECTIONS):
        report("transfers", connections, load(server, SECONDS, connections, bodies=uniform(ids)))
    report("deposits", CONNECTIONS, paid_in := load_deposits(server, ids))
    assert paid_in.failures == 0
    compare(
        {
            "transfers": lambda: per_s(load(server, SECONDS, bodies=uniform(ids))),
            "to one hot account": lambda: per_s(load(server, SECONDS, bodies=to_one(ids))),
            "deposits": lambda: per_s(load_deposits(server, ids)),
            "without group commit": lambda: per_s(load(alone, SECONDS, bodies=uniform(others))),
            **yardsticks,
        }
    )


def compare(rates: dict[str, Rate], needs: Mapping[str, float] = NEEDS) -> None:
    """Print the ratio of each rate to the first; for pgbench, the ratio of the first to it."""
    rounds = [{name: rate() for name, rate in rates.items()} for _ in range(ROUNDS)]
    first = next(iter(rates))
    for name in rates:
        ratios = [each[name] / each[first] for each in rounds]
        if name.startswith("pgbench"):
            ratios = [1 / ratio for ratio in ratios]
        need = f" (need {needs[name]})" if name in needs else ""
        beside = f"{first} / {name}" if name.startswith("pgbench") else f"of {first}"
        print(f"  {name:24} {median(each[name] for each in rounds):6.0f}/s", end="   ")
        print(f"{median(ratios):.2f} {beside}{need}", flush=True)


def per_s(result: Load) -> float:
    assert result.failures == 0, result
    return result.per_s


def report(name: str, connections: int, result: Load) -> None:
    percentiles = f"p50 {result.p50_ms:5.1f} ms, p99 {result.p99_ms:5.1f} ms"
    print(f"  {name}, {connections} connections: {result.per_s:6.0f}/s, {percentiles}", flush=True)
    assert result.failures == 0, result


def load_deposits(server: Running, ids: list[str]) -> Load:
    cash = [{"account": each, "amount_minor": 1, "currency": "EUR"} for each in ids]
    return load(server, SECONDS, path="/v1/deposits", bodies=cash)


def uniform(ids: list[str]) -> list[Body]:
    dice = random.Random(1)  # noqa: S311 - the same load each time
    return [transfer(*dice.sample(ids, 2)) for _ in range(BODIES)]


def to_one(ids: list[str]) -> list[Body]:
    return [transfer(each, ids[0]) for each in ids[1:]]


def transfer(payer: str, payee: str) -> Body:
    return {"from_account": payer, "to_account": payee, "amount_minor": 1, "currency": "EUR"}


NewDatabase = Callable[[str], str]
Databases = AbstractContextManager[tuple[NewDatabase, dict[str, Rate]]]
"""A function that makes empty databases and returns their URLs; the rates of the database."""


def create_database(server: Postgres, name: str) -> str:
    """Make an empty database; return its URL."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return server.url.removesuffix("postgres") + name


@contextmanager
def postgres() -> Iterator[tuple[NewDatabase, dict[str, Rate]]]:
    server = Postgres()

    try:
        pgbench(server, "-i", "-q", "-s", str(CLIENTS))
        yield partial(create_database, server), {"pgbench TPC-B-like": lambda: tps(server)}
    finally:
        server.remove()


def tps(server: Postgres) -> float:
    arguments = ("-c", str(CLIENTS), "-j", "2", "-M", "prepared", "-T", str(SECONDS))
    return float(re.findall(r"tps = ([\d.]+)", pgbench(server, *arguments))[0])


def pgbench(server: Postgres, *arguments: str) -> str:
    command = [str(server.install / "bin/pgbench"), "-h", "127.0.0.1", "-p", str(server.port)]
    command += ["-U", "postgres", *arguments, "postgres"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def mongo() -> Iterator[tuple[NewDatabase, dict[str, Rate]]]:
    server = Mongo()
    try:
        yield server.emptied, {}
    finally:
        server.remove()


def in_own_folder(url: str) -> Callable[[], Databases]:
    """Return a store that each server keeps in its own folder or process."""
    return lambda: nullcontext((lambda _name: url, {}))


STORES: dict[str, Callable[[], Databases]] = {
    "memory": in_own_folder("memory://"),
    "sqlite": in_own_folder("sqlite:///bank.db"),
    "postgres": postgres,
    "mongo": mongo,
}
