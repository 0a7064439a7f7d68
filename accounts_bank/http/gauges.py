"""The gauges of a bank: values that its parts have at the moment."""

from contextlib import suppress
from math import nan

from accounts_bank.errors import NotDecided, Unavailable
from accounts_bank.http.bank import Bank


def register_gauges(bank: Bank) -> None:
    """Register the gauges of a bank with its observer."""
    bank.observer.add_gauges(
        lambda: {
            "requests_in_progress": bank.traffic.count,
            "audit_failing": bank.audit.failing,
            "due_failing": bank.due_work.failing,
            "clock_wrong": _is_clock_wrong(bank),
        }
    )
    bank.observer.add_gauges(lambda: _audit_lag(bank), shared=True)
    if not bank.settings.is_durable:
        bank.observer.add_gauges(lambda: {"memory_entries": bank.audit.journal.head().number})


def _is_clock_wrong(bank: Bank) -> bool:
    try:
        bank.check_clock()
    except Unavailable:
        return True
    return False


def _audit_lag(bank: Bank) -> dict[str, float]:
    """Return the number and the greatest age of unsealed items; NaN while the store is away."""
    count, seconds = nan, nan
    with suppress(NotDecided):
        count, since = bank.audit.backlog()
        seconds = (bank.clock() - since).total_seconds() if since else 0
    return {"audit_unsealed_items": count, "audit_unsealed_seconds": seconds}
