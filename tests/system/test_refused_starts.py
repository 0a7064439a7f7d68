"""Starts that fail: a store that cannot be reached or used is named in one sentence."""

import os
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from accounts_bank.config import Settings, load_settings
from accounts_bank.errors import SettingsError
from accounts_bank.server.serve import serve_app, url_of
from accounts_bank.stores.sql import Database, database
from accounts_bank.stores.sql.dialects import postgresql
from tests.helpers import locked
from tests.ports import free_port
from tests.postgres import Postgres
from tests.system.servers import ACCOUNTS, served
from tests.waiting import within


def test_a_wrong_password_stops_the_start(postgres_with_password):
    url = postgres_with_password
    Database(url.replace("wrong", "right")).close()
    with pytest.raises(SettingsError, match=r"cannot be opened:.*password authentication failed"):
        Database(url)


@pytest.fixture
def postgres_with_password():
    with Postgres() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right'")
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"host all guarded 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        server.run("pg_ctl", "reload")
        yield server.url.replace("postgres@", "guarded:wrong@")


def test_a_database_that_may_only_be_read_is_told(postgres):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN SUPERUSER")
        connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
    with pytest.raises(SettingsError, match="PostgreSQL is read-only"):
        Database(postgres.url.replace("postgres@", "reader@"))


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_lacks_letters_is_told(postgres, encoding):
    name = f"in_{encoding.lower()}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'")
    with pytest.raises(SettingsError, match=f"in {encoding}, which lacks letters.*createdb"):
        Database(postgres.url.removesuffix("postgres") + name)


def test_the_letters_of_the_environment_are_not_the_banks(postgres, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    Database(postgres.url).close()


def test_a_server_that_never_answers_is_waited_for_so_long(monkeypatch):
    monkeypatch.setattr(postgresql, "CONNECT_TIMEOUT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began_s = time.monotonic()
        with pytest.raises(SettingsError, match=r"cannot be opened: .*timeout"):
            Database(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/bank")
    assert time.monotonic() - began_s < 15


def test_a_host_that_does_not_exist_is_told():
    with pytest.raises(SettingsError, match=r"cannot be opened: .*resolve"):
        Database("postgresql://nowhere.invalid/bank")


def test_a_file_that_may_only_be_read_is_told():
    Database("sqlite:///bank.db").close()
    url = f"sqlite:///file:{Path('bank.db').absolute()}?mode=ro&uri=true"
    with pytest.raises(SettingsError, match="cannot be opened: attempt to write a readonly"):
        Database(url)


def test_a_file_that_somebody_holds_is_waited_for_so_long(monkeypatch):
    monkeypatch.setattr(database, "LOCK_TIMEOUT_MS", 300)
    Database("sqlite:///bank.db").close()
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(SettingsError, match="cannot be opened: database is locked"):
            Database("sqlite:///bank.db")
    Database("sqlite:///bank.db").close()


def test_a_file_that_is_being_mended_after_a_crash_is_tried_again():
    tries = []

    def prepare(_connection):
        tries.append(1)
        if len(tries) < 3:  # SQLite says so at once, however long one is ready to wait
            raise OperationalError("BEGIN", {}, locked())

    Database("sqlite:///bank.db", prepare=prepare).close()
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://bank.db", "three slashes.*sqlite:///bank.db"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "use memory://"),
        ("sqlite:///file::memory:?uri=true", "use memory://"),
        ("sqlite:///file:bank.db?mode=memory&uri=true", "use memory://"),
        ("sqlite:///bank.db?bogus=1", "the option bogus"),
        ("sqlite:///a\nb", "control character"),
        ("sqlite:///a%00b", "control character"),
        ("postgresql://u@h:notaport/x", "a port from 1 to 65535"),
        ("postgresql://u:p@h:99999/x", "a port from 1 to 65535"),
        ("postgresql://h:0/x", "a port from 1 to 65535"),
        ("postgresql://h:/x", "a port from 1 to 65535"),
        ("postgresql://[::1/x", "IPv6"),
        ("postgresql://::1/x", "IPv6"),
        ("postgresql://u:sec/ret@h/x", "slash in a password"),
        ("mongodb://h:notaport/x", "a port from 1 to 65535"),
        ("mongodb://h:1,g:99999/x", "a port from 1 to 65535"),
        ("mongodb://h:\u0661/x", "a port from 1 to 65535"),
        ("postgres://h/x", "this version knows"),
        ("bank.db", "has no scheme"),
        ("memory", "has no scheme"),
        ("memory://x", "this version knows"),
        ("", "has no scheme"),
    ],
)
def test_a_wrong_url_stops_the_start_with_one_sentence(url, said):
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings({"STORE_URL": url})
    assert "\n" not in caught.value.detail
    assert "sec" not in caught.value.detail
    assert "99999" not in caught.value.detail


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite:///bank.db", "sqlite:////data/bank.db", "sqlite:///file:a.db?mode=ro&uri=true"),
        *(
            "postgresql:///x",
            "postgresql://u:p%2Fw@h:5432/x?sslmode=require",
            "postgresql://[::1]/x",
        ),
        *("postgresql://h:1,g:2/x", "mongodb://u:p@h:1,g:2/x?replicaSet=r", "mongodb+srv://h/x"),
        *("memory://", "postgresql://%2Fvar%2Frun/x", "postgresql://[::1]:5432/x"),
    ],
)
def test_a_url_of_a_store_is_taken(url):
    assert url == load_settings({"STORE_URL": url}).STORE_URL


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"port": 99_999}, "--port is 99999: use a number from 1 to 65535."),
        ({"port": 0}, "--port is 0:"),
        ({"port": -1}, "--port is -1:"),
        ({"workers": 0}, "--workers is 0: use a number from 1 to 256."),
        ({"workers": 100_000}, "--workers is 100000:"),
        ({"host": "nowhere.invalid"}, "use another --host"),
        ({"host": "a..b"}, "use another --host"),
        ({"host": ""}, "use another --host"),
        ({"host": "192.0.2.1"}, "use another --host"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(arguments, said):
    with pytest.raises(SettingsError) as caught:
        serve_app(Settings(), **{"host": "127.0.0.1", "port": 5000, "workers": 1} | arguments)
    assert said in caught.value.detail
    assert "\n" not in caught.value.detail


def test_the_address_of_a_bank_is_a_url():
    assert url_of("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert url_of("::1", 5000) == "http://[::1]:5000"


def test_a_bank_says_that_it_is_open_after_its_first_worker_answers():
    url = "sqlite:///nofolder/bank.db"
    failed = subprocess.run(
        [ACCOUNTS, "serve", "--port", str(free_port())],
        env=os.environ | {"ACCOUNTS_STORE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.stderr == "Error: STORE_URL cannot be opened: unable to open database file\n"
    with served() as server:
        line = f"Accounts is open on http://127.0.0.1:{server.port} (API: /docs)"
        assert within(5, lambda: line in Path("server.log").read_text())
