"""Starts that fail: a store that cannot be reached or used is named in one sentence."""

import socket
import sqlite3
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from accounts_bank.errors import SettingsError
from accounts_bank.stores.sql import Database, database
from accounts_bank.stores.sql.dialects import postgresql
from tests.helpers import locked
from tests.postgres import Postgres


def test_a_wrong_password_stops_the_start(postgres_with_password):
    url = postgres_with_password
    Database(url.replace("wrong", "right")).close()
    with pytest.raises(SettingsError, match=r"cannot be opened:.*password authentication failed"):
        Database(url)


@pytest.fixture
def postgres_with_password():
    server = Postgres()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right'")
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"host all guarded 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    server.run("pg_ctl", "reload")
    yield server.url.replace("postgres@", "guarded:wrong@")
    server.remove()


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
    holder = sqlite3.connect("bank.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(SettingsError, match="cannot be opened: database is locked"):
        Database("sqlite:///bank.db")
    holder.close()
    Database("sqlite:///bank.db").close()


def test_a_file_that_is_being_mended_after_a_crash_is_tried_again():
    tries = []

    def prepare(_connection):
        tries.append(1)
        if len(tries) < 3:  # SQLite says so at once, however long one is ready to wait
            raise OperationalError("BEGIN", {}, locked())

    Database("sqlite:///bank.db", prepare=prepare).close()
    assert len(tries) == 3
