"""Ways for a request of a test to reach a bank: over HTTP, or in process without a socket."""

from http.client import HTTPConnection, HTTPSConnection
from typing import Protocol
from urllib.parse import urlsplit

from flask import Flask
from msgspec import Struct
from werkzeug.datastructures import Headers

TIMEOUT_S = 30.0


class Reply(Struct, frozen=True):
    """An answer as it arrived; the names of its headers are case-insensitive."""

    status: int
    headers: Headers
    body: bytes


class Transport(Protocol):
    """Sends requests to one process. Threads may share it."""

    url: str

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Reply:
        """Send one request, never a second time.

        :raises ConnectionError: the connection ends before the answer.
        """


class HttpTransport:
    """HTTP with a connection for each request: a kept one may have been closed meanwhile."""

    def __init__(self, url: str) -> None:
        """Take the address of a bank, such as `http://127.0.0.1:5000`."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Reply:
        connection = self._connection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            connection.request(
                method, self._path + path, body=body, headers={"Connection": "close", **headers}
            )
            answer = connection.getresponse()
            return Reply(answer.status, Headers(answer.getheaders()), answer.read())
        finally:
            connection.close()


class WsgiTransport:
    """Calls the application in the thread of the caller."""

    def __init__(self, app: Flask, url: str = "http://localhost") -> None:
        """Take the application, and the address at which it is served too, if it is."""
        self._app, self.url = app, url

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Reply:
        client = self._app.test_client(use_cookies=False)
        answer = client.open(
            path, self.url, method=method, headers=headers, data=body, buffered=True
        )
        return Reply(answer.status_code, answer.headers, answer.data)
