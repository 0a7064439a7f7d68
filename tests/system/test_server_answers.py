"""Requests that granian answers itself: docs/operations.md lists them."""

import socket
from collections.abc import Iterator

import pytest

from tests.system.servers import Server, served

END = b"Host: bank\r\nConnection: close\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + END
PAY = b"POST /v1/transfers HTTP/1.1\r\n" + END


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as context:
        context.chdir(tmp_path_factory.mktemp("bank"))
        with served() as server:
            yield server


def answer(server: Server, request: bytes) -> tuple[int, bytes]:
    """Return the status and the body."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        while part := connection.recv(65_536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, LIVE + b"X-A: a\x01b\r\n"),
        (400, LIVE + b"a b: c\r\n"),
        (400, PAY + b"Content-Length: x\r\n"),
        (400, PAY + b"Content-Length: -1\r\n"),
        (400, PAY + b"Content-Length: 2\r\nContent-Length: 3\r\n"),
        (400, PAY + b"Transfer-Encoding: gzip\r\n"),
        (400, b"GET /a b HTTP/1.1\r\n" + END),
        (400, b"GET /a` HTTP/1.1\r\n" + END),
        (400, b"GET /\r\n"),
        (400, b"GET / HTTP/3.0\r\n" + END),
        (431, LIVE + b"".join(b"X%d: a\r\n" % number for number in range(120))),
        (414, b"GET /" + b"a" * 66_000 + b" HTTP/1.1\r\n" + END),
    ],
)
def test_granian_answers_it_with_an_empty_body(server, status, request_):
    assert answer(server, request_ + b"\r\n") == (status, b"")


@pytest.mark.parametrize("path", [b"/v1/{id}", b'/v1/"', b"/\xc3\xbc", b"/v1/%zz", b"/v1/^|"])
def test_the_bank_answers_any_other_path(server, path):
    status, body = answer(server, b"GET " + path + b" HTTP/1.1\r\n" + END + b"\r\n")
    assert status == 404
    assert b'"not_found"' in body
