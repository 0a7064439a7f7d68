"""Run one server with one app in this process: `python -m bench.candidate SERVER APP PORT`.

SERVER is `ours` (granian and the gateway, as `accounts serve` runs it), `granian` (its WSGI
interface) or `gunicorn` (gthread). APP is `bank` or `bare`: a Flask app with one POST that reads
JSON and answers 201.
"""

import os
import sys
from typing import Any

from flask import Flask, request
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from accounts_bank.server.gateway import Gateway
from accounts_bank.server.serve import MEMORY_THREADS, worker_app
from accounts_bank.stores import factory as opening


def bare_app() -> Flask:
    app = Flask("bare")

    @app.post("/v1/transfers")
    def create() -> tuple[dict[str, Any], int]:
        return {"amount_minor": request.get_json()["amount_minor"]}, 201

    return app


def wsgi_app() -> Any:
    from accounts_bank.app import create_app  # noqa: PLC0415

    return (create_app() if os.environ["BENCH_APP"] == "bank" else bare_app()).wsgi_app


def gateway() -> Gateway:
    if "BENCH_UNGROUPED" in os.environ:
        vars(opening)["GroupCommit"] = lambda store, _observer: store
    if os.environ["BENCH_APP"] == "bank":
        return worker_app()
    return Gateway(wsgi_app(), threads=MEMORY_THREADS, hashing_threads=1, close=lambda: None)


class Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(self, port: int, threads: int) -> None:
        self.options = {
            "bind": f"127.0.0.1:{port}",
            "worker_class": "gthread",
            "threads": threads,
            "loglevel": "critical",
        }
        super().__init__()

    def load_config(self) -> None:
        for key, value in self.options.items():
            self.cfg.set(key, value)

    def load(self) -> Any:
        return wsgi_app()


def serve(server: str, port: int, threads: int) -> None:
    if server == "gunicorn":
        Gunicorn(port, threads).run()
        return
    ours = server == "ours"
    Granian(
        "bench.candidate:gateway" if ours else "bench.candidate:wsgi_app",
        port=port,
        interface=Interfaces.RSGI if ours else Interfaces.WSGI,
        factory=True,
        workers=int(os.environ.get("BENCH_WORKERS", "1")),
        blocking_threads=None if ours else threads,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    ).serve()


if __name__ == "__main__":
    os.environ["BENCH_APP"] = sys.argv[2]
    serve(sys.argv[1], int(sys.argv[3]), int(sys.argv[4]))
