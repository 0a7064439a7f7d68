"""The proof that a read goes to the one primary that confirms writes.

A primary that was just elected shows an old majority point until it has confirmed a write of its
own term. A primary that lost its followers answers reads until it notices. Both show less than was
confirmed. A linearizable read tells: the server writes a no-op, waits until a majority has it, and
then checks that it is still the primary (MongoDB manual, "Read Concern linearizable").

A proof lasts for `PROOF_LASTS_S`. A follower that copied the no-op calls no election before
`electionTimeoutMillis` (10 s by default) has passed, so no other primary confirms writes meanwhile.
"""

from threading import Lock
from time import monotonic, sleep
from typing import NamedTuple

from bson.objectid import ObjectId
from pymongo.database import Database
from pymongo.errors import AutoReconnect
from pymongo.read_concern import ReadConcern
from pymongo.topology_description import TopologyDescription

from accounts_bank.stores.databases.bounded import bounded
from accounts_bank.stores.mongo.documents import Document

PROOF_LASTS_S = 0.25
"""Must be well below `electionTimeoutMillis` of the replica set."""
PAUSE_S = 0.02
WAIT_MAX_S = 5.0
LINEARIZABLE = ReadConcern("linearizable")


class Primary(NamedTuple):
    """A primary in one term. The driver refuses primaries of earlier terms."""

    address: tuple[str, int | None]
    election_id: ObjectId
    is_alone: bool
    """The replica set has no other node, so no other primary can be elected."""


class PrimaryProof:
    """Remembers which primary proved itself, and when. Threads share one proof."""

    def __init__(self, database: Database[Document]) -> None:
        """Take the database of the bank; any user of it may read its `meta`."""
        self._client = database.client
        self._meta = database["meta"].with_options(read_concern=LINEARIZABLE)
        self._lock = Lock()
        self._proof: tuple[Primary | None, float] = None, 0.0
        self._seen: tuple[TopologyDescription | None, Primary | None] = None, None

    def require(self) -> Primary:
        """Return the primary, proven for a read or a transaction that begins now.

        Call this under `pymongo.timeout`.

        :raises PyMongoError: no primary proves itself in time.
        :raises Unavailable: too many threads wait for the proof.
        """
        called_s = monotonic()
        if primary := self._proven(called_s):
            return primary
        with bounded(self._lock, WAIT_MAX_S, "The store has no primary."):
            while not (primary := self._proven(called_s)):
                self._prove()
        return primary

    def is_still(self, primary: Primary) -> bool:
        """Return whether the driver still sends reads to this primary of this term."""
        return self._current() == primary

    def _proven(self, called_s: float) -> Primary | None:
        """Return the primary if its proof holds for a call of that time."""
        primary, began_s = self._proof
        if primary is None or primary != self._current():
            return None
        lasts = primary.is_alone or called_s < began_s + PROOF_LASTS_S
        return primary if lasts else None

    def _prove(self) -> None:
        """Ask the primary once; a primary that changes meanwhile has proven nothing."""
        before, began_s = self._current(), monotonic()
        try:
            self._meta.find_one({"_id": "schema"}, {"_id": True})
        except AutoReconnect as error:
            if error.timeout:
                raise
            sleep(PAUSE_S)  # an election is under way
        else:
            if before == self._current():
                self._proof = before, began_s

    def _current(self) -> Primary | None:
        """Return the primary that the driver knows; None while it knows none."""
        description = self._client.topology_description  # frozen: a change makes another one
        if description is not self._seen[0]:
            self._seen = description, _primary_of(description)
        return self._seen[1]


def _primary_of(description: TopologyDescription) -> Primary | None:
    for each in description.server_descriptions().values():
        if each.server_type_name == "RSPrimary" and each.election_id is not None:
            return Primary(each.address, each.election_id, len(each.all_hosts) == 1)
    return None
