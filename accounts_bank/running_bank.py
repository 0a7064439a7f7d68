"""A running bank, as commands call it over HTTP."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

TIMEOUT_S = 600
"""An advance of a sandbox answers after all due work has run."""


class NoAnswer(click.ClickException):
    """The bank does not answer, or is not ready; the same request may succeed later."""


class RunningBank:
    """A bank at a URL."""

    def __init__(self, url: str, token: str) -> None:
        """Take the base of the bank, such as `http://localhost:5000/banks/<id>`.

        :param token: of the caller; "" for none.
        """
        self.url, self._token = url.rstrip("/"), token

    @contextmanager
    def send(
        self, method: str, path: str, body: Any = None, timeout_s: float = TIMEOUT_S
    ) -> Iterator[HTTPResponse]:
        """Send a request, and yield the answer.

        :raises NoAnswer: the bank does not answer, or answers 429 or 5xx.
        :raises click.ClickException: it refuses; the text says why.
        """
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        content = None
        if body is not None:
            content, headers["Content-Type"] = msgspec.json.encode(body), "application/json"
        try:
            connection = kind(parts.netloc, timeout=timeout_s)
            with closing(connection):
                connection.request(method, f"{parts.path}{path}", content, headers)
                with closing(connection.getresponse()) as answer:
                    if answer.status >= HTTPStatus.BAD_REQUEST:
                        raise self._refusal(answer, path)
                    yield answer
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswer(f"{self.url} does not answer: {error}.") from error

    def ask(self, method: str, path: str, body: Any = None) -> None:
        """Send a request, and print the answer.

        :raises click.ClickException: as `send` does.
        """
        with self.send(method, path, body) as answer:
            content = answer.read()
        if content:
            click.echo(msgspec.json.format(content).decode())

    def not_found(self, path: str) -> str:
        """Return the sentence for a path that is not there."""
        return f"{self.url} has no {path}. Check the URL and the name."

    def _refusal(self, answer: HTTPResponse, path: str) -> click.ClickException:
        if answer.status == HTTPStatus.NOT_FOUND:
            return click.ClickException(self.not_found(path))
        try:
            problem = msgspec.json.decode(answer.read(), type=dict[str, Any])
        except msgspec.MsgspecError:
            problem = {}
        detail = str(problem.get("detail", f"{self.url} answers {answer.status}."))
        is_over = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        is_late = is_over or answer.status == HTTPStatus.TOO_MANY_REQUESTS
        return NoAnswer(detail) if is_late else click.ClickException(detail)
