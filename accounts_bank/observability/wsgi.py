"""The types of a WSGI application (PEP 3333), and the end of an answer."""

from collections.abc import Callable, Iterable
from typing import Any

Environment = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environment, StartResponse], Iterable[bytes]]


def close_chunks(chunks: Iterable[bytes]) -> None:
    """Close the body of a WSGI answer where it can be closed (PEP 3333)."""
    close: Callable[[], None] | None = getattr(chunks, "close", None)
    if close:
        close()
