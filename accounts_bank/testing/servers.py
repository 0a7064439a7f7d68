"""Processes that have test banks: this one, with or without a socket, or one at an address."""

import logging
import secrets
from functools import cache
from threading import Thread
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from accounts_bank.app import create_app
from accounts_bank.collections.passwords import Passwords
from accounts_bank.config import Settings
from accounts_bank.http.bank import EXTENSION, Bank
from accounts_bank.testing.client import Client
from accounts_bank.testing.transports import Transport, WsgiTransport

HOST = "127.0.0.1"
BANKS_MAX = 10_000
NO_LIMIT = ""

logger = logging.getLogger(__name__)


class Server:
    """A process that makes banks.

    :ivar url: its address.
    :ivar client: a caller that may make and delete banks.
    """

    def __init__(self, transport: Transport, token: str = "") -> None:
        """Take a way to a process with `SANDBOX=true`.

        :param token: of an admin; "" for a sandbox that is open to callers from loopback.
        """
        self.transport = transport
        self.url = transport.url
        self.client = Client(transport, "", token)


def open_app() -> Flask:
    """Make an open sandbox in memory. It reads no file, no variable, and keeps your logging."""
    settings = Settings(
        SANDBOX=True,
        SANDBOX_OPEN=True,
        SANDBOX_BANKS=BANKS_MAX,
        JWT_SECRET_KEY=secrets.token_urlsafe(48),
        LOGIN_RATE_LIMIT=NO_LIMIT,
        LOGIN_ADDRESS_RATE_LIMIT=NO_LIMIT,
        SIGN_UP_RATE_LIMIT=NO_LIMIT,
    )
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return create_app(settings, passwords=cheap, logs=False)


@cache
def in_process() -> Server:
    """Return the server of this process that has no socket; it is made once."""
    return Server(WsgiTransport(open_app()))


class LocalServer(Server):
    """Serves an app of its own in a thread, on a free port of 127.0.0.1.

    Its own clients call the app without the socket: a test has many calls that are no subject.
    """

    def __init__(self) -> None:
        """Start to listen."""
        self.app = open_app()
        self._server = make_server(HOST, 0, self.app, threaded=True, request_handler=_SilentHandler)
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.05,), name="accounts-server", daemon=True
        )
        self._thread.start()
        super().__init__(WsgiTransport(self.app, f"http://{HOST}:{self._server.port}"))

    def close(self) -> None:
        """Stop listening and end the threads."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        bank: Bank = self.app.extensions[EXTENSION]
        bank.close()


class _SilentHandler(WSGIRequestHandler):
    """Leaves the log of werkzeug alone: its first line would set a level and a handler."""

    disable_nagle_algorithm = True  # else a client waits 40 ms for the body after the headers

    def log(self, _kind: str, message: str, *args: Any) -> None:
        logger.debug(message, *args)
