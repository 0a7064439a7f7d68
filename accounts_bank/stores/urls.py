"""URLs of stores: checked before a driver reads them, and shown without secrets."""

import re
from urllib.parse import parse_qsl, unquote

from accounts_bank.errors import SettingsError

PORT_MAX = 65_535

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PASSWORD = re.compile(r"(://[^/?#]*?:)[^/?#]*(@)")
_SECRET_OPTION = re.compile(r"(?i)([?&][^=&]*(?:password|token)[^=&]*=)[^&]*")
_HOST = re.compile(r"(?:\[[^\]]*\]|[^\[\]:]*)(?::(?P<port>[^:]*))?")


def shown(url: str) -> str:
    """Return a URL with its password hidden."""
    return _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1***\2", url))


def check_url(url: str) -> None:
    """Check the form of a URL whose scheme is known.

    :raises SettingsError: a driver could not read it, or would read something else.
    """
    if _CONTROL.search(unquote(url)):
        raise SettingsError("STORE_URL contains a control character: remove it.")
    if url.startswith("sqlite:"):
        _check_file(url)
    else:
        _check_hosts(url)


def _check_file(url: str) -> None:
    path, _, query = url.removeprefix("sqlite://").partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if ":memory:" in path or path in {"", "/"} or options.get("mode") == "memory":
        raise SettingsError(
            f"STORE_URL is {url}, which names no file: write sqlite:///bank.db, or use memory://."
        )
    if not path.startswith("/"):
        raise SettingsError(
            f"STORE_URL is {url}: write three slashes before a file, as in sqlite:///{path}."
        )
    if options and options.get("uri") != "true":
        raise SettingsError(f"STORE_URL has the option {next(iter(options))}: remove it.")


def _check_hosts(url: str) -> None:
    """Check the hosts of a URL. The error shows none of them: a broken URL may hide a password."""
    authority = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]
    for host in authority.rpartition("@")[2].split(","):
        found = _HOST.fullmatch(host)
        if found is None or not _is_port(found["port"]):
            raise SettingsError(
                "STORE_URL has a host or a port that is wrong: write HOST:PORT with a port from 1 "
                f"to {PORT_MAX}, [ADDRESS]:PORT for IPv6, and %2F for a slash in a password."
            )


def _is_port(text: str | None) -> bool:
    if text is None:
        return True
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= PORT_MAX
