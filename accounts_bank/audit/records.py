"""What one line of the audit log says, from what the stores keep. It has no personal data."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, get_args

from msgspec import Struct, defstruct
from msgspec.structs import fields

from accounts_bank.identity import Event
from accounts_bank.ledger.actions import Action
from accounts_bank.ledger.entries import Recorded

Record = dict[str, Any]
"""The fields of a line, without its number and hashes; keys in the order they are written."""

_PERSONAL = {"name", "expected_name", "reference"}


def _impersonal(action: type[Any]) -> Callable[[Any], Struct]:
    """Make what leaves out of an action what is personal; it is written in C, as the action is."""
    told = [(each.name, Any, each.default) for each in fields(action) if each.name not in _PERSONAL]
    omits = action.__struct_config__.omit_defaults
    shape = defstruct(action.__name__, told, omit_defaults=omits, gc=False)
    names = [name for name, *_ in told]
    if len(names) == 1:
        return lambda asked: shape(getattr(asked, names[0]))
    values = attrgetter(*names)
    return lambda asked: shape(*values(asked))


_ASKED = {action: _impersonal(action) for action in get_args(Action)}


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
    return {
        "@timestamp": recorded.at,
        "event": entry.kind,
        "id": entry.id,
        "actor_id": entry.caller_id,
        "outcome": recorded.status,
        "asked": _ASKED[type(entry.action)](entry.action),
        "digest": recorded.digest,
        "lines": [
            (line.account_id, line.number, line.amount_minor, line.balance_minor)
            for line in recorded.lines
        ],
    }
