"""Failures of the server on demand, and a payment that must be sent once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAME = "bank_0"


@contextmanager
def failing(raw, times: int, *commands: str, **how: Any) -> Iterator[None]:
    """Have the server fail some commands, so many times."""
    fail = {"configureFailPoint": "failCommand", "data": {"failCommands": commands, **how}}
    raw.admin.command(fail | {"mode": {"times": times}})
    try:
        yield
    finally:
        raw.admin.command(fail | {"mode": "off"})


def is_sent_once(books) -> None:
    """Send money, and see that it is sent once and told as new."""
    outcome = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    assert (outcome.status, outcome.replayed) == ("recorded", False)
    assert books.balances() == {"ada": 6, "bob": 4}
    assert [line.amount_minor for line in books.lines("bob")] == [4]
    assert books.store.entry("one") == outcome.recorded
