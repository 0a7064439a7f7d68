"""What one line of the audit log says, from what the stores keep. It has no personal data."""

from typing import Any

import msgspec

from accounts.identity import Event
from accounts.ledger.entries import Recorded

Record = dict[str, Any]
"""The fields of a line, without its number and hashes; keys in the order they are written."""

_PERSONAL = {"type", "name", "expected_name", "reference"}


def record_of(item: Recorded | Event) -> Record:
    """Turn what a store saved into what the audit log says of it."""
    return _of_event(item) if isinstance(item, Event) else _of_entry(item)


def _of_event(event: Event) -> Record:
    return {
        "@timestamp": event.at,
        "event": event.kind,
        "id": event.id,
        "user_id": event.user_id,
        "actor_id": event.actor_id,
    }


def _of_entry(recorded: Recorded) -> Record:
    entry = recorded.entry
    asked = msgspec.to_builtins(entry.action)
    return {
        "@timestamp": recorded.at,
        "event": entry.kind,
        "id": entry.id,
        "actor_id": entry.caller_id,
        "outcome": recorded.status,
        "asked": {key: value for key, value in asked.items() if key not in _PERSONAL},
        "digest": recorded.digest,
        "lines": [
            (line.account_id, line.number, line.amount_minor, line.balance_minor)
            for line in recorded.lines
        ],
    }
