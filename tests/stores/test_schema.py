"""The schema of an SQL database: its version, its migrations, and starts that meet each other."""

import subprocess
import sys
from contextlib import closing

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from accounts_bank.errors import SettingsError
from accounts_bank.stores.factory import upgrade_stores
from accounts_bank.stores.sql import Database, schema, upgrade
from accounts_bank.stores.sql.tables import METADATA
from tests.stores.books import at_once

KINDS = ["sqlite", "postgres"]

TABLES = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' ORDER BY name",
    "postgres": """
        SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT relname, reloptions::text, '', '', '', '' FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
        UNION ALL SELECT tablename, indexname, indexdef, '', '', '' FROM pg_indexes
        WHERE schemaname = 'public'
        UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3""",
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def url(kind, new_database):
    """Name a database with the tables of this version."""
    database = new_database(kind)
    database.close()
    return database.url.render_as_string(hide_password=False)


def ask(url: str, statement: str) -> list[tuple]:
    with (
        closing(Database(url, prepare=lambda _: None)) as database,
        database.engine.begin() as connection,
    ):
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def empty(url: str) -> None:
    for table in (*METADATA.tables, "alembic_version"):
        ask(url, f"DROP TABLE {table}")


def set_version(url: str, version: str) -> None:
    ask(url, f"UPDATE alembic_version SET version_num = '{version}'")  # noqa: S608


def test_the_migrations_make_the_tables_that_the_code_declares(kind, url):
    declared = ask(url, TABLES[kind])
    empty(url)
    upgrade(url)
    assert ask(url, TABLES[kind]) == declared
    assert len(declared) > 10


def test_the_code_knows_the_last_migration():
    config = Config()
    config.set_main_option("script_location", "accounts_bank.stores.sql:migrations")
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head == schema.revision(schema.VERSION)


def test_an_older_schema_is_refused_with_a_remedy(url, monkeypatch):
    monkeypatch.setattr(schema, "VERSION", 99)
    with pytest.raises(SettingsError, match="older: stop the bank and run `accounts upgrade`"):
        Database(url)


def test_a_newer_schema_is_refused_with_a_remedy(url):
    set_version(url, "0099")
    for refused in (Database, upgrade):
        with pytest.raises(SettingsError, match=r"schema 99.* newer: install the version"):
            refused(url)


def test_a_database_that_holds_something_else_is_left_alone(kind, url):
    ask(url, "DROP TABLE alembic_version")
    before = ask(url, TABLES[kind])
    for refused in (Database, upgrade):
        with pytest.raises(SettingsError, match="something else: name an empty one"):
            refused(url)
    assert ask(url, TABLES[kind]) == before


def test_a_schema_that_is_up_to_date_is_left_as_it_is(kind, url):
    before = ask(url, TABLES[kind])
    upgrade_stores(url)
    upgrade_stores(url)
    assert ask(url, TABLES[kind]) == before
    Database(url).close()


def test_a_migrated_database_is_opened(url):
    empty(url)
    at_once(4, lambda _: upgrade(url))
    Database(url).close()


def test_starts_that_meet_in_an_empty_database_all_succeed(url):
    for _ in range(5):
        empty(url)
        at_once(8, lambda _: Database(url).close())


def test_a_migration_that_fails_leaves_nothing_behind(kind, url, monkeypatch):
    empty(url)
    monkeypatch.setattr("alembic.op.create_index", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        upgrade(url)
    assert ask(url, TABLES[kind]) == []
    monkeypatch.undo()
    upgrade(url)


def test_a_start_does_not_load_alembic(url):
    code = (
        "import sys; from accounts_bank.stores.sql import Database; "
        f"Database({url!r}).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
