"""Payments: a request's fields become the fields of an action here, and nowhere else."""

from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import asdict

Action = TypeVar("Action")


def action_of(kind: type[Action], body: Struct, **fields: Any) -> Action:
    """Make an action of a request body. The two name their fields alike.

    `fields` replace fields of the body that need more than a copy. Empty metadata is left out.
    """
    given = asdict(body) | fields
    if not given.get("metadata"):
        given.pop("metadata", None)
    return kind(**given)
