"""The commands that call the sandbox of a running bank: clock, faults, snapshot and reset.

Each prints the answer as JSON, or the detail of a problem; the exit code is then 1.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from accounts_bank.running_bank import TIMEOUT_S, RunningBank
from accounts_bank.sandbox.faults import effect_of

CHUNK_BYTES = 1 << 16
NOT_THERE = "{url} has no {path}. Start the bank with SANDBOX=true, and check the name."

Command = Callable[..., Any]


class RunningSandbox(RunningBank):
    """The sandbox of a bank at a URL; paths begin below `/v1/sandbox`."""

    @contextmanager
    def send(
        self, method: str, path: str, body: Any = None, timeout_s: float = TIMEOUT_S
    ) -> Iterator[HTTPResponse]:
        """Send a request, as `RunningBank` does."""
        with super().send(method, f"/v1/sandbox{path}", body, timeout_s) as answer:
            yield answer

    def not_found(self, path: str) -> str:
        """Return the sentence for a path that is not there."""
        return NOT_THERE.format(url=self.url, path=path)

    def download(self, path: str, file: Path) -> None:
        """Write an answer into a file.

        :raises click.ClickException: as `send` does; the file then stays as it is.
        """
        with self.send("GET", path) as answer, file.open("wb") as target:
            while chunk := answer.read(CHUNK_BYTES):
                target.write(chunk)


def _calls(group: click.Group) -> Callable[[Command], click.Command]:
    """Add a command whose first argument is the bank of its options."""

    def add(command: Command) -> click.Command:
        def call(url: str, token: str, **values: Any) -> None:
            command(RunningSandbox(url, token), **values)

        call.__name__, call.__doc__ = command.__name__, command.__doc__
        call.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined] # click reads it
        named = group.command(command.__name__.strip("_"))
        return named(_url(_token(call)))

    return add


_url = click.option(
    "--url",
    default="http://localhost:5000",
    show_default=True,
    envvar="SANDBOX_URL",
    show_envvar=True,
    help="The bank, or one of its banks: http://localhost:5000/banks/<id>.",
)
_token = click.option(
    "--token",
    default="",
    envvar="SANDBOX_TOKEN",
    show_envvar=True,
    help="Token of an admin, where the sandbox is not open to you.",
)


@click.group()
def clock() -> None:
    """Read and move the clock of a running sandbox."""


@_calls(clock)
def show(bank: RunningSandbox) -> None:
    """Show the time, the mode and the next due instant."""
    bank.ask("GET", "/clock")


@_calls(clock)
@click.argument("step", default="next_due")
def advance(bank: RunningSandbox, step: str) -> None:
    """Advance by a duration (P1M, PT90S), to a time, or to the `next_due` instant."""
    bank.ask("POST", "/clock/advance", {"by" if step.startswith("P") else "to": step})


@_calls(clock)
@click.argument("mode", type=click.Choice(["real", "running", "frozen"]))
@click.argument("now", required=False)
def set_(bank: RunningSandbox, mode: str, now: str | None) -> None:
    """Set the mode, and a later time NOW."""
    bank.ask("PUT", "/clock", {"mode": mode} | ({"now": now} if now else {}))


@click.group()
def faults() -> None:
    """Make, list and delete faults of a running sandbox."""


@_calls(faults)
def list_(bank: RunningSandbox) -> None:
    """List the faults with their hits."""
    bank.ask("GET", "/faults?limit=100")


@_calls(faults)
@click.argument("effect")
@click.option("--operation", help="An operationId of /openapi.json, such as transfers_transfer.")
@click.option("--user", help="The username or id of the caller.")
@click.option("--account", help="The number or id of an account.")
@click.option("--nth", type=int, help="The first matching request that it acts on.")
@click.option("--times", type=int, default=1, show_default=True, help="The most hits.")
@click.option("--ttl-s", type=int, default=300, show_default=True, help="Its life in seconds.")
def add(bank: RunningSandbox, effect: str, times: int, ttl_s: int, **match: Any) -> None:
    """Add a fault: drop=after_commit, drop=before, truncate=60, delay_ms=500, answer=503."""
    do = msgspec.to_builtins(effect_of(effect))
    matched = {name: value for name, value in match.items() if value is not None}
    bank.ask("POST", "/faults", {"do": do, "match": matched, "times": times, "ttl_s": ttl_s})


@_calls(faults)
@click.argument("fault_id", required=False)
def delete(bank: RunningSandbox, fault_id: str | None) -> None:
    """Delete one fault, or all of them."""
    bank.ask("DELETE", f"/faults/{quote(fault_id)}" if fault_id else "/faults")


@click.group()
def snapshot() -> None:
    """Take, restore, download and delete snapshots of a running sandbox."""


@_calls(snapshot)
@click.argument("name")
def take(bank: RunningSandbox, name: str) -> None:
    """Keep the whole bank under NAME."""
    bank.ask("PUT", _snapshot(name))


@_calls(snapshot)
@click.argument("name")
def restore(bank: RunningSandbox, name: str) -> None:
    """Set the whole bank back to NAME."""
    bank.ask("POST", f"{_snapshot(name)}/restore")


@_calls(snapshot)
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def download(bank: RunningSandbox, name: str, file: Path | None) -> None:
    """Download NAME into FILE; `accounts copy FILE URL` loads it into a store."""
    file = file or Path(f"{name}.snapshot")
    bank.download(_snapshot(name), file)
    click.echo(f"Wrote {file}.", file=sys.stderr)


@_calls(snapshot)
@click.argument("name")
def delete_(bank: RunningSandbox, name: str) -> None:
    """Forget NAME."""
    bank.ask("DELETE", _snapshot(name))


@click.command()
@_url
@_token
@click.argument("to", default="seed")
def reset(url: str, token: str, to: str) -> None:
    """Set a running sandbox back to its `seed`, to `empty` or to a snapshot."""
    RunningSandbox(url, token).ask("POST", "/reset", {"to": to})


def _snapshot(name: str) -> str:
    return f"/snapshots/{quote(name, safe='')}"


COMMANDS = (clock, faults, snapshot, reset)
