"""The files in which several processes count: large enough from the start, or not used at all."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from accounts_bank.api.problems import CATALOGUE
from accounts_bank.app import create_app
from accounts_bank.observability.counter_files import ROOM_BYTES
from accounts_bank.observability.observer import METHODS
from tests.programs import program

COUNTING = """
import json, sys
from pathlib import Path
from accounts_bank.observability.prometheus import Metrics

metrics = Metrics()
{before}
for route, method, status in json.loads(Path("labels.json").read_text()):
    metrics.request_finished(route, method, status, 0.01)
metrics.store_called("accounts", "append", 0.01, failed=True)
print(metrics.render().decode())
"""

NO_DESCRIPTORS = """
import os, resource
limit = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), limit[1]))
metrics.request_finished("/" + "long" * 600_000, "GET", 200, 0.01)
resource.setrlimit(resource.RLIMIT_NOFILE, limit)
"""


@pytest.fixture(autouse=True)
def labels() -> int:
    """Write all labels of requests to `labels.json`; return their number."""
    rules = create_app().url_map.iter_rules()
    allowed = {(rule.rule, method) for rule in rules for method in rule.methods or ()}
    pairs = allowed | {("", method) for method in [*METHODS, "other"]}
    statuses = {200, 201, 202, 204, 302, 303, 304} | {each.status for each in CATALOGUE.values()}
    rows = [[*pair, status] for pair in sorted(pairs) for status in sorted(statuses)]
    Path("labels.json").write_bytes(msgspec.json.encode(rows))
    return len(rows)


def counted(folder: str, before: str = "") -> str:
    """Count all labels in a process of its own; return its /metrics."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTING.format(before=before)],
        env={"PROMETHEUS_MULTIPROC_DIR": folder},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_files_hold_all_routes_methods_and_statuses(labels):
    Path("numbers").mkdir()
    text = counted("numbers")
    assert text.count("\naccounts_requests_total{") == labels
    files = Path("numbers").iterdir()
    assert {each.name.rpartition("_")[0]: each.stat().st_size for each in files} == ROOM_BYTES


def test_counting_goes_on_after_a_moment_without_descriptors(labels):
    Path("numbers").mkdir()
    text = counted("numbers", before=NO_DESCRIPTORS)
    assert text.count("\naccounts_requests_total{") == labels


def test_a_process_counts_for_itself_without_a_folder_for_its_files():
    assert "accounts_requests_total" not in counted("absent")


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """Mount a disk of 1 MiB; skip the test where that is forbidden."""
    place = tmp_path / "small"
    place.mkdir()
    command = [program("mount"), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_process_counts_for_itself_where_its_files_have_no_room(small_disk):
    assert "accounts_requests_total" not in counted(str(small_disk))
    assert list(small_disk.iterdir()) == []
