"""The settings as the command line shows them, and URLs that it is given in files."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import msgspec

from accounts_bank.config import Settings, is_secret, read_settings, sources
from accounts_bank.errors import SettingsError
from accounts_bank.stores.urls import shown


@click.command("config")
def show_config() -> None:
    """Print each setting that is in force and its source; secrets stay hidden."""
    for row in config_rows(read_settings(), sources()):
        click.echo(row)


def config_rows(settings: Settings, sources: Mapping[str, str]) -> Iterator[str]:
    """Yield a row for each setting: its name, its value as JSON, its source."""
    for name, value in msgspec.to_builtins(settings).items():
        text = msgspec.json.encode(value).decode()
        if name == "STORE_URL":
            text = f'"{shown(value)}"'
        elif is_secret(name) and value:
            text = "***"
        yield f"{name} = {text}  ({sources[name]})"


def url_of(argument: str) -> str:
    """Return the URL of an argument: the argument, or the content of the file after `@`.

    :raises SettingsError: the file cannot be read.
    """
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{argument[1:]} cannot be read: name a file with one URL.") from error
