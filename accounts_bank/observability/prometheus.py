"""The bank's metrics in Prometheus' text format.

A single process keeps the numbers in its memory. Several processes keep them in files in the folder
PROMETHEUS_MULTIPROC_DIR, and the process that is asked adds them up. Counters outlive a process;
its gauges end with it. No label holds an id or a path.
"""

import logging
import os
from collections import Counter as Counts
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts_bank.ledger.entries import Outcome
from accounts_bank.observability.counter_files import FOLDER, reserve
from accounts_bank.observability.observer import METHODS, Observer, Reading
from accounts_bank.observability.shield import shielded

SAMPLE_EVERY_S = 1.0
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ENTRIES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

_GAUGES: dict[str, tuple[str, Any]] = {
    "workers": ("Processes that serve.", "livesum"),
    "requests_in_progress": ("Requests that are being answered.", "livesum"),
    "requests_waiting": ("Requests that have arrived and wait for a thread.", "livesum"),
    "commit_waiting_entries": ("Entries that wait for the next commit.", "livesum"),
    "store_damaged": ("Whether the database said that it is damaged.", "livemax"),
    "store_connections": ("Connections to the store in use.", "livesum"),
    "store_connections_max": ("Connections to the store that there may be.", "livesum"),
    "memory_entries": ("Entries and events that a bank in memory keeps.", "livemax"),
    "audit_failing": ("1 while the audit log cannot be written.", "livemax"),
    "due_failing": ("1 while due work cannot be done.", "livemax"),
    "clock_wrong": ("1 while the clock of the server is wrong.", "livemax"),
    "audit_unsealed_items": ("Items not in the audit log yet, up to a bound.", "mostrecent"),
    "audit_unsealed_seconds": ("Age of the oldest item not in the audit log yet.", "mostrecent"),
}
"""By name: the help text, and the way to merge the values of several processes."""

logger = logging.getLogger(__name__)


class Metrics(Observer):
    """Counts for Prometheus. A failure to count is logged and raises nothing."""

    def __init__(self) -> None:
        _make_files()
        disable_created_metrics()  # type: ignore[no-untyped-call]
        own = CollectorRegistry()
        counter = partial(Counter, namespace="accounts", registry=own)
        histogram = partial(Histogram, namespace="accounts", registry=own)
        requests = counter("requests", "Requests answered.", ["route", "method", "status"])
        text = "Time from the arrival of a request to its answer."
        seconds = histogram("request_seconds", text, ["route", "method"], buckets=SECONDS)
        entries = counter("entries", "Entries decided.", ["kind", "outcome"])
        self._batch = histogram("commit_entries", "Entries that shared a commit.", buckets=ENTRIES)
        text = "Time that a call of a store took."
        store = histogram("store_seconds", text, ["store", "operation"], buckets=SECONDS)
        self._failures = counter("store_failures", "Calls of a store that failed.", ["store"])
        self._retries = counter("store_retries", "Transactions that were tried again.")
        # Looking up a child by its labels costs more than counting.
        self._request, self._seconds = cache(requests.labels), cache(seconds.labels)
        self._entry, self._store = cache(entries.labels), cache(store.labels)
        gauge = partial(Gauge, namespace="accounts", registry=own)
        self._gauges = {
            name: gauge(name, text, multiprocess_mode=mode)
            for name, (text, mode) in _GAUGES.items()
        }
        info = gauge("info", "The version that runs.", ["version"], multiprocess_mode="max")
        info.labels(version("accounts-bank")).set(1)
        self._readings: list[Reading] = [lambda: {"workers": 1}]
        self._shared_readings: list[Reading] = []
        self._source: Collector = own
        if FOLDER in os.environ:
            self._source = _Folder(Path(os.environ[FOLDER]))
            Thread(target=self._keep_sampling, name="metrics", daemon=True).start()

    @shielded
    def request_finished(self, route: str, method: str, status: int, duration_s: float) -> None:
        method = method if method in METHODS else "other"
        self._request(route, method, status).inc()
        self._seconds(route, method).observe(duration_s)

    @shielded
    def entries_decided(self, outcomes: Sequence[Outcome]) -> None:
        counts = Counts(
            (each.recorded.entry.kind, "replayed" if each.replayed else each.status)
            for each in outcomes
        )
        for (kind, outcome), count in counts.items():
            self._entry(kind, outcome).inc(count)

    @shielded
    def entries_committed(self, entries: int) -> None:
        self._batch.observe(entries)

    @shielded
    def store_called(self, store: str, operation: str, duration_s: float, *, failed: bool) -> None:
        self._store(store, operation).observe(duration_s)
        if failed:
            self._failures.labels(store).inc()

    @shielded
    def transaction_retried(self) -> None:
        self._retries.inc()

    def add_gauges(self, read: Reading, *, shared: bool = False) -> None:
        (self._shared_readings if shared else self._readings).append(read)

    def render(self) -> bytes:
        self._sample(self._readings + self._shared_readings)
        return generate_latest(self._source)

    def _sample(self, readings: Iterable[Reading]) -> None:
        for read in readings:
            self._set(read)

    @shielded
    def _set(self, read: Reading) -> None:
        for name, value in read().items():
            self._gauges[name].set(value)

    def _keep_sampling(self) -> None:
        """Write the gauges for the other processes, which cannot read them here."""
        while True:
            self._sample(self._readings)
            sleep(SAMPLE_EVERY_S)


def _make_files() -> None:
    """Make the files that several processes count in.

    Without room for them this process counts for itself, and /metrics lacks its numbers.
    """
    folder = os.environ.get(FOLDER)
    try:
        if folder:
            reserve(Path(folder))
    except OSError:
        values.ValueClass = values.MutexValue
        context = {"folder": folder}
        logger.exception("counters_not_shared", extra={"context": context})


class _Folder(Collector):
    """Merges the files in which several processes keep their numbers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        for file in self._folder.glob("gauge_live*.db"):
            if not _is_alive(int(file.stem.rpartition("_")[2])):
                file.unlink(missing_ok=True)
        files = [str(file) for file in self._folder.glob("*.db") if _has_content(file)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def _has_content(file: Path) -> bool:
    """Tell whether a file exists and has content: another process may be creating it."""
    with suppress(FileNotFoundError):
        return file.stat().st_size > 0
    return False
