"""METRICS_ADDRESS: the metrics on a port of their own, which no proxy of the bank shows.

Each worker listens on it (SO_REUSEPORT). Any of them answers with the numbers of all.
"""

import socket
from socketserver import TCPServer, ThreadingMixIn
from threading import BoundedSemaphore, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from accounts_bank.observability.wsgi import Application

AT_ONCE_MAX = 4
"""The number of connections that are answered at once; one more is closed."""
TIMEOUT_S = 10.0


class _Handler(WSGIRequestHandler):
    timeout = TIMEOUT_S

    def log_message(self, *_arguments: object) -> None:
        """Write nothing: the bank logs its requests itself."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """A server of a few threads for one WSGI application."""

    daemon_threads = True
    allow_reuse_port = True

    def __init__(self, host: str, port: int, application: Application) -> None:
        """Listen on an address."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._slots = BoundedSemaphore(AT_ONCE_MAX)
        super().__init__((host, port), _Handler)
        self.set_app(application)

    def server_bind(self) -> None:
        """Bind without a look-up of the host's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment] # an IP address
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or close the connection where all threads are taken."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, *_connection: object) -> None:
        """Let a client go that went away or sent too slowly."""


def serve_metrics(address: tuple[str, int], application: Application) -> MetricsServer:
    """Serve an application at a host and a port, in threads; return the server.

    :raises OSError: the address cannot be listened on.
    """
    server = MetricsServer(*address, application)
    Thread(target=server.serve_forever, name="metrics-port", daemon=True).start()
    return server
