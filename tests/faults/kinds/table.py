"""All kinds of faults."""

from collections.abc import Sequence

from tests.faults.kinds import banks, clocks, databases, files, wires
from tests.faults.kinds.fault import Fault

KINDS: Sequence[type[Fault]] = [
    *banks.KINDS,
    *wires.KINDS,
    *databases.KINDS,
    *files.KINDS,
    *clocks.KINDS,
]


def kinds_of(store: str) -> list[type[Fault]]:
    """Return the kinds that a store can have, and that this machine can make."""
    return [each for each in KINDS if store in each.stores and not each.missing()]
