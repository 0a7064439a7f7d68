"""Faults of each store, short in `make test`; `python -m tests.faults` has the long form."""

import pytest

from tests.faults.kinds.banks import BankKilled, WorkerKilled
from tests.faults.kinds.databases import (
    CommitsLost,
    ConnectionsTerminated,
    DatabaseKilled,
    FileLocked,
    PrimarySteppedDown,
)
from tests.faults.kinds.fault import Fault
from tests.faults.kinds.table import KINDS, kinds_of
from tests.faults.kinds.wires import BanksLoseAnswers
from tests.faults.report import markdown, rows_of, total_of
from tests.faults.run import run
from tests.rounds import rounds

SHORT: dict[str, list[type[Fault]]] = {
    "sqlite": [FileLocked, BankKilled, BanksLoseAnswers],
    "postgresql": [ConnectionsTerminated, WorkerKilled, DatabaseKilled],
    "mongodb": [CommitsLost, PrimarySteppedDown],
}
OPERATIONS = rounds(300, 3_000)
FAULTS_FULL = 12


@pytest.mark.soak
@pytest.mark.parametrize("store", SHORT)
def test_no_promise_is_broken_under_faults(store, record_property):
    kinds = rounds(SHORT[store], kinds_of(store))
    faults = rounds(len(kinds), FAULTS_FULL)
    result = run(store, kinds, faults=faults, operations=OPERATIONS)
    table = rows_of(result)
    record_property("faults", markdown([*table, total_of(table)]))
    assert [each.text for each in result.findings] == []
    assert total_of(table).acknowledged >= OPERATIONS
    assert total_of(table).recovered == faults


@pytest.mark.parametrize("store", SHORT)
def test_each_durable_store_has_25_kinds_of_faults(store):
    assert len([each for each in KINDS if store in each.stores]) >= 25


def test_kinds_have_names_of_their_own():
    assert len({each.name for each in KINDS}) == len(KINDS)
