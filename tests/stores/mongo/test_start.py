"""MongoDB: the preparation at the start, and its refusals."""

import sys
import time
from contextlib import closing
from typing import Any

import pytest
from bson.int64 import Int64
from pymongo import MongoClient
from pymongo.errors import WriteError

from accounts_bank.errors import SettingsError
from accounts_bank.ledger.decide import decide
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.factory import open_stores
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase, schema, upgrade
from tests.mongo import Mongo, Node
from tests.ports import free_port
from tests.stores.books import Books, at_once
from tests.stores.journals import sealed


@pytest.fixture
def url(mongo):
    """Name a database that does not exist yet."""
    name = "start"
    with MongoClient[Any](mongo.url(name)) as client:
        client.drop_database(name)
    return mongo.url(name)


@pytest.fixture
def raw(url):
    """Reach into the database by hand."""
    with MongoClient[Any](url) as client:
        yield client.get_default_database()


@pytest.fixture
def _soon(monkeypatch):
    """Wait a second where it would be five."""
    monkeypatch.setattr("accounts_bank.stores.mongo.client.CONNECT_TIMEOUT_S", 1)


def complaint(url: str) -> str:
    with pytest.raises(SettingsError) as caught:
        MongoDatabase(url)
    return caught.value.detail


def test_several_may_start_at_once_on_an_empty_database(url, raw):
    at_once(8, lambda _: MongoDatabase(url).close())
    assert set(raw.list_collection_names()) == set(schema.SCHEMAS)
    assert raw["meta"].find_one({})["version"] == schema.VERSION
    for name, indexes in schema.INDEXES.items():
        made = raw[name].index_information().keys()
        assert made == {"_id_", *(index.document["name"] for index in indexes)}


def test_a_start_completes_a_half_made_database(url, raw):
    raw.create_collection("accounts")
    MongoDatabase(url).close()
    with pytest.raises(WriteError, match="validation"):
        raw["accounts"].insert_one({"_id": "a"})


def test_a_database_of_something_else_is_left_alone(url, raw):
    raw["users"].insert_one({"_id": "somebody"})
    assert "Database start holds something else" in complaint(url)
    assert raw.list_collection_names() == ["users"]


def test_an_older_schema_waits_for_its_upgrade(url, raw, monkeypatch):
    MongoDatabase(url).close()
    raw["accounts"].drop_index("number")
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    assert "older: stop the bank and run `accounts upgrade`" in complaint(url)
    upgrade(url)
    MongoDatabase(url).close()
    assert "number" in raw["accounts"].index_information()


def test_a_newer_schema_is_not_touched(url, raw):
    MongoDatabase(url).close()
    raw["meta"].update_one({"_id": "schema"}, {"$inc": {"version": Int64(1)}})
    assert "newer: install the version of Accounts that made it" in complaint(url)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("w=1", "w=1"),
        ("w=0", "w=0"),
        ("journal=false", "journal=False"),
        ("readPreference=secondary", "readPreference=secondary"),
        ("readConcernLevel=local", "readConcernLevel=local"),
        ("retryWrites=false", "retryWrites=False"),
        ("nonsense=1", "Unknown option"),
    ],
)
def test_a_url_that_asks_for_less_is_refused_before_anybody_is_asked(options, hint):
    assert hint in complaint(f"mongodb://127.0.0.1:{free_port()}/bank?{options}")


def test_a_url_may_ask_for_the_defaults(url):
    MongoDatabase(f"{url}&w=majority&journal=true&retryWrites=true").close()


def test_a_confirmed_write_is_in_the_journals_of_a_majority(url):
    with closing(MongoDatabase(url)) as database:
        assert database["entries"].write_concern.document == {"w": "majority", "j": True}


@pytest.mark.usefixtures("_soon")
def test_a_server_without_a_replica_set_is_refused():
    node = Node(replica_set="")
    node.ask("ping")
    try:
        assert "Start mongod with --replSet rs0" in complaint(f"mongodb://{node.host}/bank")
        said = complaint(f"mongodb://{node.host}/bank?replicaSet=rs0")
        assert "was rs.initiate() run?" in said
    finally:
        node.remove()


@pytest.mark.usefixtures("_soon")
def test_a_replica_set_that_was_never_begun_is_refused():
    node = Node()
    node.ask("ping")
    try:
        assert "was rs.initiate() run?" in complaint(f"mongodb://{node.host}/bank?replicaSet=rs0")
    finally:
        node.remove()


def test_an_unreachable_server_is_reported_within_seconds():
    began_s = time.monotonic()
    said = complaint(f"mongodb://ada:secret@127.0.0.1:{free_port()}/bank?replicaSet=rs0")
    assert "STORE_URL cannot be opened: 127.0.0.1" in said
    assert "secret" not in said
    assert time.monotonic() - began_s < 20  # the driver itself waits for half a minute


def test_a_server_that_is_too_old_is_refused(url, monkeypatch):
    monkeypatch.setattr("accounts_bank.stores.mongo.client.WIRE_VERSION_MIN", 99)
    assert "older than 5.0" in complaint(url)


@pytest.fixture
def guarded(tmp_path):
    """Name a database on a server where a user may read and write it, and nothing more."""
    key = tmp_path / "key"
    key.write_text("k" * 64)
    key.chmod(0o600)
    with Mongo(1, "--auth", "--keyFile", str(key)) as server:
        server.nodes[0].ask("createUser", "root", pwd="root", roles=["root"])
        url = server.url().replace("//", "//root:root@") + "&authSource=admin"
        with MongoClient[Any](url) as root:
            root.bank.command("createUser", "teller", pwd="secret", roles=["readWrite"])
        yield server.url().replace("//", "//teller:secret@")


def test_the_role_read_write_is_enough(guarded):
    assert "Authentication failed" in complaint(guarded.replace("secret", "guess"))
    at_once(4, lambda _: MongoDatabase(guarded).close())
    with (
        closing(MongoDatabase(guarded)) as database,
        MongoClient[Any](guarded, appname="accounts bank") as killed,
        killed.start_session() as session,
    ):
        books = Books(MongoAccountStore(database, decide))
        books.given(ada=10, bob=0)
        session.start_transaction()
        rename = {"$set": {"name": "Other"}}
        killed.bank.accounts.update_one({"_id": books.opened["ada"]}, rename, session=session)
        assert books.send("ada", "bob", 4) == "recorded"


def test_without_the_driver_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("accounts_bank.stores.mongo")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("accounts_bank.stores.mongo")
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(SettingsError, match=r"install the extra, `accounts-bank\[mongo\]`"):
        open_stores("mongodb://127.0.0.1/bank", Observer())


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("accounts", {"$set": {"balance_minor": -1}}),
    ("accounts", {"$set": {"balance_minor": 1.5}}),
    ("accounts", {"$set": {"balance_minor": 7}}),  # an int32
    ("accounts", {"$set": {"held_minor": 11}}),
    ("accounts", {"$mul": {"line_count": -1}}),
    ("accounts", {"$set": {"nickname": "Ada"}}),
    ("accounts", {"$unset": {"currency": ""}}),
    ("customers", {"$mul": {"open_accounts": -1}}),
    ("lines", {"$set": {"amount_minor": "10"}}),
    ("entries", {"$set": {"place": 1}}),
]


@pytest.mark.parametrize(("collection", "change"), BROKEN)
def test_the_validators_refuse_invalid_documents(url, raw, collection, change):
    with closing(MongoDatabase(url)) as database:
        books = Books(MongoAccountStore(database, decide))
        books.given(ada=10)
        sealed(books.store)
    own = {"floor_minor": {"$exists": True}} if collection == "accounts" else {}
    with pytest.raises(WriteError, match="failed validation"):
        raw[collection].update_one(own, change)
