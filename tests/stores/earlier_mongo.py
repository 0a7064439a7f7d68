"""A MongoDB bank of version 0.1.0 with its audit log, as that version left it."""

import json
from pathlib import Path
from typing import Any

from bson import json_util
from pymongo import MongoClient
from pymongo.database import Database

DUMP = Path(__file__).parent / "data" / "bank_0_1_0.mongo.json"


def dump() -> dict[str, Any]:
    return dict(json.loads(DUMP.read_text()))


def restore(url: str) -> None:
    """Make the collections with their validators, indexes and documents in an empty database."""
    found = json_util.loads(json.dumps(dump()["collections"]))
    with MongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        client.drop_database(database.name)
        for name, kept in found.items():
            _make(database, name, kept)


def _make(database: Database[dict[str, Any]], name: str, kept: dict[str, Any]) -> None:
    collection = database.create_collection(name, **kept["options"])
    for index in kept["indexes"]:
        options = {key: index[key] for key in index if key not in {"key", "v", "ns"}}
        collection.create_index(list(map(tuple, index["key"])), **options)
    if kept["documents"]:
        collection.insert_many(kept["documents"])


def write_log(folder: Path, *, without_last: int = 0) -> list[dict[str, Any]]:
    """Write the audit log, its head and its key; return its lines."""
    kept = dump()
    lines: list[str] = kept["audit_log"][: len(kept["audit_log"]) - without_last]
    (folder / "audit.log").write_text("".join(f"{line}\n" for line in lines))
    (folder / "audit.log.key").write_bytes(bytes.fromhex(kept["audit_key"]))
    (folder / "audit.log.head").write_text(kept["audit_head"].ljust(512))
    return [json.loads(line) for line in lines]
