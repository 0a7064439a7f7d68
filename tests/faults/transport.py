"""Ways to send one request to a bank: over HTTP, or to an application in this process."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any

import msgspec
from flask import Flask

from tests.faults.history import Answer

TIMEOUT_S = 1.0


class NoAnswer(Exception):
    """No answer came: the request may be done or not."""


class Transport(ABC):
    """Sends requests; each client has its own."""

    @abstractmethod
    def send(
        self, method: str, path: str, body: Any = None, *, token: str = "", key: str = ""
    ) -> Answer:
        """Send one request, once.

        :raises NoAnswer: the connection was lost, or the time ran out.
        """

    def close(self) -> None:  # noqa: B027 - some have no connections
        """Close the connections."""


def headers_of(token: str, key: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if key:
        headers["Idempotency-Key"] = key
    return headers


def answer_of(status: int, text: bytes, replayed: str | None) -> Answer:
    body = msgspec.json.decode(text) if text else None
    if isinstance(body, dict):
        body.pop("request_id", None)
    return Answer(status, body, replayed == "true")


class HttpTransport(Transport):
    """Keeps a connection to each of several hosts, and takes one at random."""

    def __init__(self, ports: Sequence[int], seed: str, timeout_s: float = TIMEOUT_S) -> None:
        self.ports, self.timeout_s = ports, timeout_s
        self._random = Random(seed)  # noqa: S311 - the same choice each time
        self._connections: dict[int, HTTPConnection] = {}

    def send(
        self, method: str, path: str, body: Any = None, *, token: str = "", key: str = ""
    ) -> Answer:
        port = self._random.choice(self.ports)
        connection = self._connections.get(port)
        if connection is None:
            connection = HTTPConnection("127.0.0.1", port, timeout=self.timeout_s)
            self._connections[port] = connection
        try:
            content = None if body is None else msgspec.json.encode(body)
            connection.request(method, path, content, headers_of(token, key))
            received = connection.getresponse()
            replayed = received.headers["Idempotent-Replayed"]
            return answer_of(received.status, received.read(), replayed)
        except (OSError, HTTPException, msgspec.DecodeError) as error:
            connection.close()
            raise NoAnswer from error

    def close(self) -> None:
        for each in self._connections.values():
            each.close()


class AppTransport(Transport):
    """Calls an application in this process."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def send(
        self, method: str, path: str, body: Any = None, *, token: str = "", key: str = ""
    ) -> Answer:
        content = None if body is None else msgspec.json.encode(body)
        headers = headers_of(token, key)
        received = self.client.open(path, method=method, data=content, headers=headers)
        return answer_of(
            received.status_code, received.data, received.headers.get("Idempotent-Replayed")
        )
