"""The trace that a request belongs to (W3C Trace Context, level 1)."""

import re
from typing import Any

TRACE = "accounts.trace"
"""Key of the WSGI environment: the ids of the trace and of the span that is our own."""

_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


def trace_of(environment: dict[str, Any]) -> dict[str, str]:
    """Return `trace_id` and `span_id` of a request, or nothing where it carries no trace.

    The span is our own where TRACING is on, else the caller's.
    """
    ids = environment.get(TRACE) or _parent(environment.get("HTTP_TRACEPARENT"))
    return {"trace_id": ids[0], "span_id": ids[1]} if ids else {}


def _parent(header: str | None) -> tuple[str, str] | None:
    found = _PARENT.fullmatch(header) if header else None
    if not found or (found[1] == "00" and found[4]):
        return None
    return found[2], found[3]
