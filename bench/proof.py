"""Time `accounts verify` on a million lines, and its memory: `python -m bench proof`."""

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

from bench.fill import Size, fill
from bench.scale import copy, make, postgres
from tests.mongo import Mongo

SIZE = Size(200_000, 1_000_000)
NEED_MIB = 200
POLL_S = 0.1
SNAPSHOT_HISTORY = "minSnapshotHistoryWindowInSeconds=3600"
"""MongoDB drops snapshots after five minutes by default; a busy machine may need longer."""
ACCOUNTS = Path(sys.executable).with_name("accounts")


def run(size: Size = SIZE) -> None:
    with TemporaryDirectory() as name, postgres() as server:
        folder = Path(name)
        in_file = make(folder / "bank", size)
        report("sqlite", in_file.url, in_file.audit_log)
        in_tables = copy(in_file, server, "bank")
        report("postgres", in_tables.url, in_tables.audit_log)
    with TemporaryDirectory() as name:
        server_of_documents = Mongo(1, "--setParameter", SNAPSHOT_HISTORY)
        try:
            log = Path(name) / "audit.log"
            fill(server_of_documents.url(), log, size)
            report("mongo", server_of_documents.url(), log)
        finally:
            server_of_documents.remove()


def report(store: str, url: str, audit_log: Path) -> None:
    begin_s = perf_counter()
    output, peak_mib = verify(url, audit_log)
    print(f"  {store:9} {output.strip().replace(chr(10), ' ')}", flush=True)
    print(f"  {perf_counter() - begin_s:9.0f} s, {peak_mib} MiB (need {NEED_MIB})", flush=True)


def verify(url: str, audit_log: Path) -> tuple[str, int]:
    """Run `accounts verify`; return its output and its peak memory in MiB."""
    settings = {"ACCOUNTS_STORE_URL": url, "ACCOUNTS_AUDIT_LOG": str(audit_log)}
    process = subprocess.Popen(
        [ACCOUNTS, "verify"],
        cwd=audit_log.parent,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    peak_kib, status = 0, Path(f"/proc/{process.pid}/status")
    while process.poll() is None:  # getrusage afterwards would include our own memory
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
        peak_kib = int(found[1]) if found else peak_kib
        sleep(POLL_S)
    assert process.stdout
    output = process.stdout.read()
    assert process.returncode == 0, output
    return output, peak_kib // 1024
