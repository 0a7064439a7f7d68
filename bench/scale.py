"""A bank of a million accounts beside one of a thousand, over HTTP: `python -m bench scale`.

Both are filled by `bench.fill`, and PostgreSQL is given the same tables. They are served by two
workers each, and take turns, each time with
other accounts, so that no cache holds what is asked: a page of lines of any account, for a teller;
then transfers from an account of somebody who is signed in to any account. Before that PostgreSQL
is told VACUUM ANALYZE and CHECKPOINT once, which its own daemon would do at some time in between.
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
from bench.fill import People, Size, filled, tables_copied
from bench.load import CONNECTIONS, Ask, Load, Running, asked, running
from bench.stores import created, transfer
from tests.postgres import Postgres

SMALL = Size(1_000, 5_000)
LARGE = Size(1_000_000, 5_000_000)
NEED = 1.2
ROUNDS = 5
SECONDS = 5
ASKS = 20_000
PAGE_CONNECTIONS = 8
SECRET = secrets.token_urlsafe(48)
TOKENS_LAST_S = 24 * 3600


class Bank(NamedTuple):
    """A bank that was filled."""

    url: str
    audit_log: Path
    people: People


def run(small: Size = SMALL, large: Size = LARGE) -> None:
    with TemporaryDirectory() as folder, postgres() as server:
        in_files = [made(Path(folder) / name, size) for name, size in named(small, large)]
        in_tables = [copied(bank, server, f"bank_{n}") for n, bank in enumerate(in_files)]
        for store, (one, other) in (("sqlite", in_files), ("postgres", in_tables)):
            print(f"-- {store}", flush=True)
            measured(one, other)


def named(small: Size, large: Size) -> list[tuple[str, Size]]:
    return [("small", small), ("large", large)]


def made(folder: Path, size: Size) -> Bank:
    """Fill a bank in SQLite."""
    folder.mkdir()
    url, log = f"sqlite:///{folder}/bank.db", folder / "audit.log"
    bank = Bank(url, log, filled(url, log, size))
    print(f"  {size}: {settled_bytes(url) / 2**20:.0f} MiB in SQLite", flush=True)
    return bank


def copied(bank: Bank, server: Postgres, name: str) -> Bank:
    """Give PostgreSQL the same bank, with an audit log that goes its own way."""
    url, file = created(server, name), Path(bank.url.removeprefix("sqlite:///"))
    tables_copied(file, url)
    log = file.parent / "copied" / bank.audit_log.name
    log.parent.mkdir()
    for part in ("", ".head", ".key"):
        shutil.copy(f"{bank.audit_log}{part}", f"{log}{part}")
    print(f"  {bank.people.size}: {settled_bytes(url) / 2**20:.0f} MiB in PostgreSQL", flush=True)
    return bank._replace(url=url, audit_log=log)


def measured(small: Bank, large: Bank, rounds: int = ROUNDS, seconds: int = SECONDS) -> None:
    """Load both in turns, and say how they compare."""
    before = settled_bytes(large.url)
    with served(small) as one, served(large) as other:
        servers = (one, small), (other, large)
        found: list[list[Load]] = []
        for what, asks, connections in LOADS:
            found = [
                [load(server, asks(bank, turn), seconds, connections) for server, bank in servers]
                for turn in range(1 + rounds)
            ]
            told(what, found[1:])  # the first is to get warm
    made = sum(each.per_s * seconds for _, each in found)
    each_bytes = (settled_bytes(large.url) - before) / made
    print(f"  {each_bytes:.0f} bytes of the large bank's disk for each transfer", flush=True)


@contextmanager
def served(bank: Bank) -> Iterator[Running]:
    settings = {
        "ACCOUNTS_STORE_URL": bank.url,
        "ACCOUNTS_AUDIT_LOG": str(bank.audit_log),
        "ACCOUNTS_JWT_SECRET_KEY": SECRET,
        "BENCH_WORKERS": "2",
    }
    with running("ours", "bank", environment=settings, is_filled=True) as server:
        yield server


def load(server: Running, asks: list[Ask], seconds: int, connections: int) -> Load:
    found = asked(server, asks, seconds, connections)
    assert found.failures == 0, found
    return found


def told(what: str, rounds: list[list[Load]]) -> None:
    for name in ("per_s", "p50_ms", "p99_ms"):
        found = [[float(getattr(load, name)) for load in each] for each in rounds]
        small, large = (median(column) for column in zip(*found, strict=True))
        times = median(a / b if name == "per_s" else b / a for a, b in found)
        print(f"  {what:16} {name:6} {small:8.1f} small {large:8.1f} large", end="   ")
        print(f"{times:.2f} times (need {NEED} at most)", flush=True)


def pages(bank: Bank, turn: int) -> list[Ask]:
    """Ask for lines of any account, as a teller may."""
    dice = Random(turn)  # noqa: S311 - the same each time
    with signing() as token:
        teller = token(bank.people.teller)
    ids = dice.choices(bank.people.accounts, k=ASKS)
    return [Ask("GET", f"/v1/accounts/{each}/lines", teller) for each in ids]


def transfers(bank: Bank, turn: int) -> list[Ask]:
    """Have those who are signed in pay anybody."""
    dice, people = Random(turn), bank.people  # noqa: S311 - the same each time
    with signing() as token:
        tokens = [token(each) for each in people.callers]
    own = [people.accounts_of(number) for number in range(len(tokens))]
    asks: list[Ask] = []
    while len(asks) < ASKS:
        caller, payee = dice.randrange(len(tokens)), dice.choice(people.accounts)
        payer = dice.choice(own[caller])
        if payer != payee:
            asks.append(Ask("POST", "/v1/transfers", tokens[caller], transfer(payer, payee)))
    return asks


LOADS: tuple[tuple[str, Callable[[Bank, int], list[Ask]], int], ...] = (
    ("a page of lines", pages, PAGE_CONNECTIONS),
    ("a transfer", transfers, CONNECTIONS),
)


@contextmanager
def signing() -> Iterator[Callable[[User], str]]:
    """Give a function that makes access tokens, as the bank itself would."""
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


def settled_bytes(url: str) -> int:
    """Have a database write and sort out what is under way; say how large it is."""
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
