"""`accounts serve`: the bank behind granian, chosen by measurement (docs/decisions)."""

from accounts.config import Settings


def serve_app(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT."""
