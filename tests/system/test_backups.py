"""Backups as docs/operations.md has them: taken under load, restored, proven."""

import copy
import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mongo import Mongo
from tests.ports import free_port
from tests.postgres import Postgres
from tests.system.payments import acknowledged, ended, opened_store, started
from tests.system.servers import ACCOUNTS, ROOT, served
from tests.waiting import within

CLIENTS = 4
PAGE = (ROOT / "docs/operations.md").read_text()
SECRET = "a secret that is kept run_in_thread, of 32 bytes"


def block(heading: str, number: int = 0) -> str:
    """Give a block of the page that is there to be pasted into a shell."""
    section = PAGE.split(f"\n{heading}\n")[1].split(f"\n{heading.split(maxsplit=1)[0]} ")[0]
    return re.findall(r"^```bash\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[number]


def pasted(text: str, *folders: Path) -> str:
    path = ":".join([*map(str, folders), str(ACCOUNTS.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def taken_under_load(take: Callable[[], object]) -> list[str]:
    """Take a backup while clients pay; give the entries that were acknowledged before it began."""
    with served() as server:
        clients, _ = started(CLIENTS, server)
        assert within(60, lambda: len(acknowledged(clients)) > 20)
        assert within(60, lambda: Path("audit.log").stat().st_size)  # it follows by a moment
        entries = [each["id"] for each in acknowledged(clients)]
        take()
        after = len(acknowledged(clients))
        assert within(60, lambda: len(acknowledged(clients)) > after + CLIENTS)
        ended(clients)
        assert server.stop() == 0
    return entries


def are_restored(url: str, entries: list[str]) -> None:
    with opened_store(url) as store:
        assert [each for each in entries if store.entry(each) is None] == []


@contextmanager
def still():
    """Hold the audit log still, as `flock --shared` does."""
    with Path("audit.log.head").open("rb") as head:
        fcntl.flock(head, fcntl.LOCK_SH)
        yield


def copied_logs() -> None:
    Path("backup").mkdir()
    for path in Path().glob("audit.log*"):
        shutil.copy(path, "backup")


@pytest.fixture
def restored(tmp_path, monkeypatch) -> Callable[[], None]:
    """Give a function that goes to an empty folder, the backup beside it."""

    def go() -> None:
        (tmp_path / "restored").mkdir()
        (tmp_path / "backup").rename(tmp_path / "restored/backup")
        monkeypatch.chdir(tmp_path / "restored")

    return go


def test_sqlite(restored, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    entries = taken_under_load(lambda: pasted(block("### SQLite")))
    restored()
    assert "The books are right." in pasted(block("## Restore"))
    are_restored("sqlite:///bank.db", entries)
    with served() as server:
        assert server.ask("GET", "/health/ready")[0] == 200


def damage(path: Path) -> None:
    """Overwrite the last half of a database file under a running bank."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        half = path.stat().st_size // 2 // 4096 * 4096
        with path.open("r+b", buffering=0) as file:
            file.seek(half)
            file.write(bytes(path.stat().st_size - half))
        connection.execute("PRAGMA user_version = 7")  # the other connections read anew
    connection.close()


def is_told(code: int, said: str) -> bool:
    return code != 0 and "The file is damaged: restore a backup. bank.db: " in said


def test_a_damaged_sqlite_file_is_refused_until_a_backup_is_restored(restored, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    with served("--workers", "2") as server:
        token = server.joined("ada")
        account = server.opened(token, 100)
        assert within(30, lambda: b'"deposit"' in Path("audit.log").read_bytes())
        pasted(block("### SQLite"))
        damage(Path("bank.db"))
        cash = {"account": account, "amount_minor": 1, "currency": "EUR"}
        for path, body in (
            ("/v1/deposits", cash),
            ("/v1/users", {"username": "bob", "password": "correct horse"}),
        ):
            status, answer = server.ask("POST", path, body, token)
            assert (status, answer["code"]) == (503, "damaged")
            assert "The file is damaged: restore a backup. bank.db: " in answer["detail"]
        for path in ["/health/ready", "/v1/accounts"] * 5:  # both workers
            status, answer = server.ask("GET", path, token=token)
            assert (status, answer["code"]) == (503, "damaged"), path
        assert server.ask("GET", "/health/live")[0] == 200
        server.stop()
    log = [
        json.loads(line) for line in Path("server.log").read_text().splitlines() if line[0] == "{"
    ]
    errors = [line["event"] for line in log if line["level"] == "ERROR"]
    assert set(errors) == {"database_damaged"}
    assert len(errors) <= 2  # once in each worker
    for command in (["verify"], ["serve", "--port", str(free_port())]):
        done = subprocess.run([ACCOUNTS, *command], capture_output=True, text=True, check=False)
        assert is_told(done.returncode, done.stderr), done.stderr
    restored()
    assert "The books are right." in pasted(block("## Restore"))
    with served() as server:
        found = server.ask("GET", f"/v1/accounts/{account}", token=token)[1]
        assert found["balance_minor"] == 100


def test_postgresql_by_a_dump(postgres, restored, monkeypatch):
    programs = postgres.install / "bin"
    monkeypatch.setenv("ACCOUNTS_JWT_SECRET_KEY", SECRET)
    monkeypatch.setenv("ACCOUNTS_STORE_URL", postgres.database("saved"))
    entries = taken_under_load(lambda: pasted(block("### PostgreSQL"), programs))
    restored()
    url = postgres.database("restored")
    monkeypatch.setenv("ACCOUNTS_STORE_URL", url)
    assert "The books are right." in pasted(block("## Restore", 1), programs)
    are_restored(url, entries)


def test_postgresql_by_a_copy_of_the_server(postgres, restored, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_JWT_SECRET_KEY", SECRET)
    url = postgres.database("saved")
    monkeypatch.setenv("ACCOUNTS_STORE_URL", url)
    other = copy.copy(postgres)
    other.data, other.port = postgres.folder / "copy", free_port()
    entries = taken_under_load(lambda: _copied(postgres, other))
    restored()
    other.start()
    url = url.replace(str(postgres.port), str(other.port))
    monkeypatch.setenv("ACCOUNTS_STORE_URL", url)
    pasted("cp -p backup/audit.log* .; accounts verify")
    are_restored(url, entries)
    other.stop()


def _copied(server: Postgres, other: Postgres) -> None:
    other.data.mkdir(mode=0o700)
    if os.getuid() == 0:
        shutil.chown(other.data, "nobody")
    where = ["--host=127.0.0.1", f"--port={server.port}", "--username=postgres"]
    with still():
        copied_logs()
        other.run("pg_basebackup", "--checkpoint=fast", *where)


def test_mongodb_by_a_copy_of_a_node_that_is_locked(restored, monkeypatch):
    mongo = Mongo()
    (node,) = mongo.nodes
    monkeypatch.setenv("ACCOUNTS_JWT_SECRET_KEY", SECRET)
    monkeypatch.setenv("ACCOUNTS_STORE_URL", mongo.url())

    def take() -> None:
        with still():
            copied_logs()
            node.ask("fsync", lock=True)
            shutil.copytree(node.folder, "backup/db", ignore=shutil.ignore_patterns("*.lock"))
            node.ask("fsyncUnlock")

    try:
        entries = taken_under_load(take)
        node.kill()
        shutil.rmtree(node.folder)
        restored()
        shutil.copytree("backup/db", node.folder)
        node.start()
        mongo.primary()
        pasted("cp -p backup/audit.log* .; accounts verify")
        are_restored(mongo.url(), entries)
    finally:
        mongo.remove()


def test_a_lost_audit_log_is_made_whole_from_its_backup_and_the_lines_that_were_shipped(
    restored, monkeypatch, tmp_path
):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    taken_under_load(lambda: pasted(block("### SQLite")))
    shipped = Path("audit.log").read_text().splitlines(keepends=True)
    restored()
    for path in (*Path("backup").glob("audit.log*"), *tmp_path.glob("bank.db*")):
        shutil.copy(path, ".")
    last = json.loads(Path("audit.log").read_text().splitlines()[-1])["number"]
    missing = [each for each in shipped if json.loads(each)["number"] > last]
    assert missing
    with Path("audit.log").open("a") as log:
        log.writelines(missing)
    with served() as server:
        server.joined("bob")
        assert server.stop() == 0
    assert "The books are right." in pasted("accounts verify")
