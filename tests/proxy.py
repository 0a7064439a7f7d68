"""A line to a server that can be cut at a moment of choice."""

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

CHUNK_BYTES = 65_536


class Proxy:
    """Passes bytes to a server and back; `cuts` says, for each request, whether to lose its answer.

    The request is passed on and answered by the server; only the answer never comes.
    """

    def __init__(self, host: str) -> None:
        name, _, port = host.partition(":")
        self.target = name, int(port)
        self.cuts: Callable[[bytes], bool] = lambda _request: False
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._doomed: set[socket.socket] = set()
        Thread(target=self._accept, daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self.target)
                self._sockets += [client, server]
                Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                Thread(target=self._pass_back, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK_BYTES):
                if self.cuts(data):
                    self.lost += 1
                    self._doomed.add(client)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _pass_back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK_BYTES):
                if client in self._doomed:
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
