"""Faults over the wire."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts_bank.http.cursors import IdCursor
from accounts_bank.http.fields import Input, Limit
from accounts_bank.sandbox.faults import Count, Effect, Fault, Hit, Match, Probability, Seed, TtlS


class FaultRequest(Input, frozen=True):
    """Make a fault: the requests that it acts on, its effect, the most hits and its life.

    With a `probability` it acts on that share of them; the same `seed` draws the same ones.
    """

    do: Effect
    match: Match = Match()
    times: Count = 1
    ttl_s: TtlS = 300
    probability: Probability | None = None
    seed: Seed = 0


class FaultView(Struct, frozen=True):
    """A fault, the number of hits that are left, and the requests that it hit."""

    id: str
    match: Match
    do: Effect
    times: int
    ttl_s: int
    probability: float | None
    left: Annotated[int, Meta(description="0 after the last hit, or after `ttl_s`.")]
    hits: tuple[Hit, ...]


class FaultsQuery(Input, frozen=True):
    """A page of faults."""

    limit: Limit = 100
    cursor: IdCursor | UnsetType = UNSET


def fault_view(fault: Fault, now: datetime) -> FaultView:
    """Show a fault at a moment of real time."""
    plan = fault.plan
    left = fault.left(now)
    return FaultView(
        fault.id, plan.match, plan.do, plan.times, plan.ttl_s, plan.probability, left, fault.hits
    )
