"""The primary of a MongoDB is cut off from its followers, while two banks reach all of them."""

import time

import pytest

from tests.rounds import rounds
from tests.system.partition import (
    BETWEEN_CUTS_S,
    Run,
    banks_on,
    cut_off_the_primary,
    mongo_on_a_network,
)

CUTS, CUT_S = rounds((1, 3.0), (8, 6.0))
READS_MIN = 100


@pytest.mark.soak
def test_no_read_is_older_than_a_confirmed_write():
    with mongo_on_a_network() as (network, mongo), banks_on(mongo.url()) as banks:
        run = Run(banks)
        for _ in range(CUTS):
            time.sleep(BETWEEN_CUTS_S)
            cut_off_the_primary(network, mongo, run, CUT_S)
        run.end()
    assert run.stale == []
    assert run.wrong == []
    assert run.reads.total() > READS_MIN * CUTS
