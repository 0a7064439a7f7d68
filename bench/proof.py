"""How long `accounts verify` takes on a million lines, and its memory: `python -m bench proof`."""

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

from bench.fill import Size, filled
from bench.scale import copied, made, postgres
from tests.mongo import Mongo

SIZE = Size(200_000, 1_000_000)
NEED_MIB = 200
LOOK_S = 0.1
REMEMBERS = "minSnapshotHistoryWindowInSeconds=3600"
"""By default MongoDB forgets a moment after five minutes, which a busy machine may need."""
ACCOUNTS = Path(sys.executable).with_name("accounts")


def run(size: Size = SIZE) -> None:
    with TemporaryDirectory() as name, postgres() as server:
        folder = Path(name)
        in_file = made(folder / "bank", size)
        told("sqlite", in_file.url, in_file.audit_log)
        in_tables = copied(in_file, server, "bank")
        told("postgres", in_tables.url, in_tables.audit_log)
    with TemporaryDirectory() as name:
        server_of_documents = Mongo(1, "--setParameter", REMEMBERS)
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
    peak_kib, status = 0, Path(f"/proc/{process.pid}/status")
    while process.poll() is None:  # what the system tells afterwards has our own memory in it
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
        peak_kib = int(found[1]) if found else peak_kib
        sleep(LOOK_S)
    assert process.stdout
    said = process.stdout.read()
    assert process.returncode == 0, said
    return said, peak_kib // 1024
