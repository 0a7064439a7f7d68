"""The clock of a sandbox bank in a database: a restart goes on where it stood.

The journal keeps two cursors, which only move forward, as the clock does: the last time at which
it stood, and the microseconds by which a running clock is ahead of real time.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from accounts_bank.sandbox.clock import BankClock, ClockState
from accounts_bank.stores.base import Journal
from accounts_bank.stores.databases.timestamps import microseconds, moment

STOOD_AT, AHEAD = "sandbox.clock", "sandbox.ahead"


def lasting_clock(real: Callable[[], datetime], journal: Journal) -> BankClock:
    """Build the clock of a bank from its journal.

    :raises Unavailable: the store does not answer.
    """
    clock = BankClock(real, partial(_keep, journal))
    clock.restore(_kept(journal, real()))
    return clock


def _keep(journal: Journal, state: ClockState) -> None:
    if state.now is None or state.saved_at is None:
        return
    journal.advance(STOOD_AT, microseconds(state.now))
    ahead = microseconds(state.now) - microseconds(state.saved_at)
    if state.mode == "running" and ahead > 0:
        journal.advance(AHEAD, ahead)


def _kept(journal: Journal, real_now: datetime) -> ClockState:
    stood_at, ahead = journal.cursor(STOOD_AT), journal.cursor(AHEAD)
    running_at = microseconds(real_now) + ahead
    if stood_at <= microseconds(real_now) and not ahead:
        return ClockState()
    if ahead and running_at >= stood_at:
        return ClockState("running", moment(running_at), real_now)
    return ClockState("frozen", moment(stood_at), real_now)
