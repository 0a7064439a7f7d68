"""Answers that are lost, cut or late at the client's socket. Only in a sandbox.

    client <-- server <-- LostAnswers <-- application
       ^                       |
       +--- the first bytes ---+   then the socket is shut, then the server gets an empty answer

The server has no byte of the answer while the socket is open, so none slips through. Werkzeug names
its socket. Other servers do not, but each socket is an open file of this process. The peer of the
right one is the client.
"""

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from time import sleep
from typing import Any

from accounts_bank.observability.wsgi import (
    Application,
    Environment,
    StartResponse,
    close_chunks,
)

CUT_BYTES = "accounts.cut_bytes"
DELAY_S = "accounts.delay_s"
DELAYS = "accounts.delays"
"""Keys of the WSGI environment. `CUT_BYTES`: the number of bytes of the answer that the client
gets. `DELAY_S`: the time by which the answer is late. `DELAYS`: the server waits by itself."""

OPEN_FILES = Path("/dev/fd")
SEND_TIMEOUT_S = 30
_CLOSING = [("Content-Length", "0"), ("Connection", "close")]


class LostAnswers:
    """WSGI middleware that cuts and delays answers. It stands outside of all other middleware."""

    def __init__(self, application: Application) -> None:
        """Wrap an application."""
        self._application = application

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request.

        :raises ConnectionAbortedError: the answer is to be cut, and there is no connection.
        """
        client = environment.get("REMOTE_ADDR", ""), int(environment.get("REMOTE_PORT") or 0)
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
            started[:] = [status, headers, error]

        chunks = self._application(environment, start)
        if CUT_BYTES in environment:
            status, headers, _ = started
            try:
                _cut(environment, client, _raw(environment, status, headers, chunks))
            finally:
                close_chunks(chunks)
            start_response(status, _CLOSING)
            return []
        if DELAY_S in environment and DELAYS not in environment:
            sleep(environment[DELAY_S])
        start_response(*started)
        return chunks


def _cut(environment: Environment, client: tuple[str, int], answer: Iterator[bytes]) -> None:
    """Send the first bytes of an answer, then shut the connection."""
    named: socket.socket | None = environment.get("werkzeug.socket")
    if named is not None:
        _send_and_shut(named, answer, environment[CUT_BYTES])
    elif not client[1]:
        raise ConnectionAbortedError("A fault of the sandbox drops the connection.")
    elif (copy := _copy_of_socket(client)) is not None:  # else the client went away
        with copy:
            _send_and_shut(copy, answer, environment[CUT_BYTES])


def _send_and_shut(connection: socket.socket, answer: Iterator[bytes], cut_bytes: int) -> None:
    with suppress(OSError):  # the client went away
        for part in _first(answer, cut_bytes):
            connection.sendall(part)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _copy_of_socket(client: tuple[str, int]) -> socket.socket | None:
    """Return a copy of the socket of a client, None if the client went away."""
    for path in OPEN_FILES.iterdir():
        copy = _copy_of(int(path.name))
        if copy is not None:
            if _has_peer(copy, client):
                copy.settimeout(SEND_TIMEOUT_S)
                return copy
            copy.close()
    return None


def _copy_of(file: int) -> socket.socket | None:
    """Return a copy of an open file, None if it is no socket or was closed meanwhile."""
    with suppress(OSError):
        copy = os.dup(file)
        try:
            return socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
    return None


def _has_peer(connection: socket.socket, client: tuple[str, int]) -> bool:
    with suppress(OSError):  # it has none
        peer = connection.getpeername()
        is_internet = isinstance(peer, tuple)
        return is_internet and peer[1] == client[1] and _plain(peer[0]) == _plain(client[0])
    return False


def _plain(address: str) -> str:
    """Return an address without its zone; one of IPv4 in IPv6 as one of IPv4 (RFC 4291, 2.5.5)."""
    parsed = ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def _first(parts: Iterator[bytes], left: int) -> Iterator[bytes]:
    """Yield the first `left` bytes."""
    while left > 0 and (part := next(parts, None)) is not None:
        yield part[:left]
        left -= len(part)


def _raw(
    environment: Environment, status: str, headers: list[tuple[str, str]], chunks: Iterable[bytes]
) -> Iterator[bytes]:
    """Yield an answer as the server writes it (RFC 9112)."""
    has_length = any(name.lower() == "content-length" for name, _ in headers)
    if not has_length:
        headers = [*headers, ("Transfer-Encoding", "chunked")]
    as_written = _werkzeug_head if "SERVER_SOFTWARE" in environment else _granian_head
    yield f"{environment['SERVER_PROTOCOL']} {as_written(environment, status, headers)}".encode()
    if environment["REQUEST_METHOD"] == "HEAD":
        return
    for chunk in chunks:
        yield chunk if has_length else b"%x\r\n%b\r\n" % (len(chunk), chunk)
    if not has_length:
        yield b"0\r\n\r\n"


def _granian_head(environment: Environment, status: str, headers: list[tuple[str, str]]) -> str:
    code = int(status[:3])
    phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else "<none>"
    is_last = environment.get("HTTP_CONNECTION", "").lower() == "close"
    closing = [("connection", "close")] if is_last else []
    last = [("server", "granian"), *closing, ("date", formatdate(usegmt=True))]
    lines = [f"{name.lower()}: {value}" for name, value in headers + last]
    return "\r\n".join([f"{code} {phrase}", *lines, "", ""])


def _werkzeug_head(environment: Environment, status: str, headers: list[tuple[str, str]]) -> str:
    server = f"{environment['SERVER_SOFTWARE']} Python/{sys.version.split()[0]}"
    first = [("Server", server), ("Date", formatdate(usegmt=True))]
    lines = [f"{name}: {value}" for name, value in [*first, *headers, ("Connection", "close")]]
    return "\r\n".join([status, *lines, "", ""])
