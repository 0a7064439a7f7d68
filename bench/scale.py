"""Compare banks of a million and a thousand accounts over HTTP: `python -m bench scale`.

`bench.fill` fills both; PostgreSQL gets copies of the tables. Two workers serve each bank. The
banks take turns, each time with other accounts, so that no cache holds the rows. A teller reads
pages of lines of any account; then customers with a session pay any account. PostgreSQL runs VACUUM
ANALYZE and CHECKPOINT once before, as its own daemon would do later.
"""

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psycopg

from accounts_bank.api.tokens import tokens_view
from accounts_bank.app import create_app
from accounts_bank.http.bank import EXTENSION
from accounts_bank.identity import User
from bench.fill import People, Size, copy_tables, fill
from bench.load import CONNECTIONS, Call, Load, Running, load_calls, running
from bench.stores import create_database, transfer
from tests.postgres import Postgres

SMALL = Size(1_000, 5_000)
LARGE = Size(1_000_000, 5_000_000)
NEED = 1.2
ROUNDS = 5
SECONDS = 5
CALLS = 20_000
PAGE_CONNECTIONS = 8
SECRET = secrets.token_urlsafe(48)
TOKENS_LAST_S = 24 * 3600


class Bank(NamedTuple):
    """A filled bank."""

    url: str
    audit_log: Path
    people: People


def run(small: Size = SMALL, large: Size = LARGE) -> None:
    with TemporaryDirectory() as folder, postgres() as server:
        in_files = [make(Path(folder) / name, size) for name, size in sizes(small, large)]
        in_tables = [copy(bank, server, f"bank_{n}") for n, bank in enumerate(in_files)]
        for store, (one, other) in (("sqlite", in_files), ("postgres", in_tables)):
            print(f"-- {store}", flush=True)
            measure(one, other)


def sizes(small: Size, large: Size) -> list[tuple[str, Size]]:
    return [("small", small), ("large", large)]


def make(folder: Path, size: Size) -> Bank:
    """Fill a bank in SQLite; print its size on disk."""
    folder.mkdir()
    url, log = f"sqlite:///{folder}/bank.db", folder / "audit.log"
    bank = Bank(url, log, fill(url, log, size))
    print(f"  {size}: {database_bytes(url) / 2**20:.0f} MiB in SQLite", flush=True)
    return bank


def copy(bank: Bank, server: Postgres, name: str) -> Bank:
    """Copy a bank to PostgreSQL, with its own copy of the audit log."""
    url, file = create_database(server, name), Path(bank.url.removeprefix("sqlite:///"))
    copy_tables(file, url)
    log = file.parent / "copied" / bank.audit_log.name
    log.parent.mkdir()
    for part in ("", ".head", ".key"):
        shutil.copy(f"{bank.audit_log}{part}", f"{log}{part}")
    print(f"  {bank.people.size}: {database_bytes(url) / 2**20:.0f} MiB in PostgreSQL", flush=True)
    return bank._replace(url=url, audit_log=log)


def measure(small: Bank, large: Bank, rounds: int = ROUNDS, seconds: int = SECONDS) -> None:
    """Load both banks in turns; print how they compare."""
    before = database_bytes(large.url)
    with serve(small) as one, serve(large) as other:
        servers = (one, small), (other, large)
        found: list[list[Load]] = []
        for name, calls_of, connections in LOADS:
            found = [
                [
                    checked_load(server, calls_of(bank, turn), seconds, connections)
                    for server, bank in servers
                ]
                for turn in range(1 + rounds)
            ]
            report(name, found[1:])  # the first one warms up
    transfers_made = sum(each.per_s * seconds for _, each in found)
    each_bytes = (database_bytes(large.url) - before) / transfers_made
    print(f"  {each_bytes:.0f} bytes of the large bank's disk for each transfer", flush=True)


@contextmanager
def serve(bank: Bank) -> Iterator[Running]:
    settings = {
        "ACCOUNTS_STORE_URL": bank.url,
        "ACCOUNTS_AUDIT_LOG": str(bank.audit_log),
        "ACCOUNTS_JWT_SECRET_KEY": SECRET,
        "BENCH_WORKERS": "2",
    }
    with running("ours", "bank", environment=settings, is_filled=True) as server:
        yield server


def checked_load(server: Running, calls: list[Call], seconds: int, connections: int) -> Load:
    result = load_calls(server, calls, seconds, connections)
    assert result.failures == 0, result
    return result


def report(name: str, rounds: list[list[Load]]) -> None:
    for figure in ("per_s", "p50_ms", "p99_ms"):
        found = [[float(getattr(load, figure)) for load in each] for each in rounds]
        small, large = (median(column) for column in zip(*found, strict=True))
        times = median(a / b if figure == "per_s" else b / a for a, b in found)
        print(f"  {name:16} {figure:6} {small:8.1f} small {large:8.1f} large", end="   ")
        print(f"{times:.2f} times (need {NEED} at most)", flush=True)


def pages(bank: Bank, turn: int) -> list[Call]:
    """Return requests of a teller for lines of random accounts."""
    dice = Random(turn)  # noqa: S311 - the same each time
    with token_maker() as token:
        teller = token(bank.people.teller)
    ids = dice.choices(bank.people.accounts, k=CALLS)
    return [Call("GET", f"/v1/accounts/{each}/lines", teller) for each in ids]


def transfers(bank: Bank, turn: int) -> list[Call]:
    """Return transfers of customers with a session to random accounts."""
    dice, people = Random(turn), bank.people  # noqa: S311 - the same each time
    with token_maker() as token:
        tokens = [token(each) for each in people.callers]
    own = [people.accounts_of(number) for number in range(len(tokens))]
    calls: list[Call] = []
    while len(calls) < CALLS:
        caller, payee = dice.randrange(len(tokens)), dice.choice(people.accounts)
        payer = dice.choice(own[caller])
        if payer != payee:
            calls.append(Call("POST", "/v1/transfers", tokens[caller], transfer(payer, payee)))
    return calls


LOADS: tuple[tuple[str, Callable[[Bank, int], list[Call]], int], ...] = (
    ("a page of lines", pages, PAGE_CONNECTIONS),
    ("a transfer", transfers, CONNECTIONS),
)


@contextmanager
def token_maker() -> Iterator[Callable[[User], str]]:
    """Yield a function that makes valid access tokens for a user."""
    with TemporaryDirectory() as folder:
        app = create_app(
            {
                "AUDIT_LOG": f"{folder}/audit.log",
                "LOG_FILE": f"{folder}/app.log",
                "JWT_SECRET_KEY": SECRET,
                "JWT_ACCESS_TOKEN_EXPIRES": TOKENS_LAST_S,
            }
        )
        with app.app_context():
            yield lambda user: tokens_view(user, user.sessions[0]).access_token
        app.extensions[EXTENSION].close()


def database_bytes(url: str) -> int:
    """Flush and vacuum a database; return its size in bytes."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.stat().st_size
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found
    return int(found[0])


@contextmanager
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        yield server
    finally:
        server.remove()
