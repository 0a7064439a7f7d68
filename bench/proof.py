"""How long `accounts verify` takes on a million lines, and its memory: `python -m bench proof`."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.fill import Size, filled
from bench.scale import copied, made, postgres
from tests.mongo import Mongo

SIZE = Size(200_000, 1_000_000)
NEED_MIB = 200
ACCOUNTS = Path(sys.executable).with_name("accounts")


def run(size: Size = SIZE) -> None:
    with TemporaryDirectory() as name, postgres() as server:
        folder = Path(name)
        in_file = made(folder / "bank", size)
        told("sqlite", in_file.url, in_file.audit_log)
        in_tables = copied(in_file, server, "bank")
        told("postgres", in_tables.url, in_tables.audit_log)
    with TemporaryDirectory() as name:
        server_of_documents = Mongo()
        try:
            log = Path(name) / "audit.log"
            filled(server_of_documents.url(), log, size)
            told("mongo", server_of_documents.url(), log)
        finally:
            server_of_documents.remove()


def told(store: str, url: str, audit_log: Path) -> None:
    begin_s = perf_counter()
    said, peak_mib = verified(url, audit_log)
    print(f"  {store:9} {said.strip().replace(chr(10), ' ')}", flush=True)
    print(f"  {perf_counter() - begin_s:9.0f} s, {peak_mib} MiB (need {NEED_MIB})", flush=True)


def verified(url: str, audit_log: Path) -> tuple[str, int]:
    """Run `accounts verify`; give what it says, and the most memory that it took."""
    settings = {"ACCOUNTS_STORE_URL": url, "ACCOUNTS_AUDIT_LOG": str(audit_log)}
    process = subprocess.Popen(
        [ACCOUNTS, "verify"],
        cwd=audit_log.parent,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, said
    return said, usage.ru_maxrss // 1024
