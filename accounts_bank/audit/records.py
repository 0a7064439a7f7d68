"""Records: turn saved entries and events into the fields of audit lines, without personal data."""

from collections.abc import Callable
from hashlib import sha256
from operator import attrgetter
from typing import Any, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType, defstruct, to_builtins
from msgspec.structs import asdict, fields

from accounts_bank.identity import Event
from accounts_bank.ledger.actions import Action, AskApproval
from accounts_bank.ledger.entries import KINDS, Recorded
from accounts_bank.ledger.values import Metadata

Record = dict[str, Any]
"""The fields of a line without its number and hashes, in the order of writing."""

_PERSONAL = {"name", "expected_name", "reference", "metadata", "expected_metadata"}


def _impersonal(action: type[Any]) -> Callable[[Any], Struct]:
    """Return a function that drops the personal fields of an action; C code, as for the action."""
    public = [
        (field.name, Any, field.default) for field in fields(action) if field.name not in _PERSONAL
    ]
    omits = action.__struct_config__.omit_defaults
    names = [name for name, *_ in public]
    if "metadata" in action.__struct_fields__:
        public.append(("metadata_digest", Any, UNSET))
        names.append("metadata")
    shape = defstruct(action.__name__, public, omit_defaults=omits, gc=False)
    if len(names) == 1:
        return lambda action: shape(getattr(action, names[0]))
    values = attrgetter(*names)
    if names[-1] != "metadata":
        return lambda action: shape(*values(action))

    def digested(action: Any) -> Struct:
        *shown, metadata = values(action)
        return shape(*shown, metadata_digest(metadata))

    return digested


def metadata_digest(metadata: Metadata | UnsetType) -> str | UnsetType:
    """Return the SHA-256 of pairs, as hex, as JSON in the order of the keys; unset without any."""
    if not metadata:
        return UNSET
    return sha256(msgspec.json.encode(metadata, order="deterministic")).hexdigest()


_IMPERSONAL = {action: _impersonal(action) for action in get_args(Action)}


def _impersonal_request(ask: AskApproval) -> dict[str, Any]:
    """Drop the personal fields of the action that a request for approval asks for."""
    action = to_builtins(_IMPERSONAL[type(ask.action)](ask.action))
    return asdict(ask) | {"action": {"type": KINDS[type(ask.action)]} | action}


_IMPERSONAL[AskApproval] = _impersonal_request  # type: ignore[assignment] # as JSON, both are objects


def record_of(item: Recorded | Event) -> Record:
    """Return the record of a saved entry or event."""
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
        "asked": _IMPERSONAL[type(entry.action)](entry.action),
        "digest": recorded.digest,
        "lines": [
            (line.account_id, line.number, line.amount_minor, line.balance_minor)
            for line in recorded.lines
        ],
    }
