"""TRACING with a collector: the spans arrive, and one that is not there holds nothing up."""

import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.ports import free_port
from tests.system.servers import served

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def collector():
    """Receive spans by OTLP over HTTP: the address, and the requests that came."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()


def test_spans_reach_the_collector_before_the_bank_has_ended(collector):
    url, received = collector
    settings = {"ACCOUNTS_TRACING": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": url}
    with served(OTEL_EXPORTER_OTLP_COMPRESSION="none", **settings) as server:
        parent = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"}
        assert server.ask("GET", "/v1/users/me", **parent)[0] == 401
        assert server.stop() == 0
    assert {path for path, _ in received} == {"/v1/traces"}
    spans = [
        span
        for _, body in received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (found,) = [span for span in spans if span.trace_id.hex() == TRACE_ID]
    assert found.name == "GET /v1/users/me"
    lines = log_lines()
    (line,) = [line for line in lines if line.get("trace_id") == TRACE_ID]
    assert line["span_id"] == found.span_id.hex()


def test_a_collector_that_is_not_there_holds_up_neither_requests_nor_the_end():
    with traced_to(free_port()) as server:
        began_s = time.monotonic()
        for _ in range(20):
            assert server.ask("GET", "/health/live")[0] == 200
        assert time.monotonic() - began_s < 5
        assert_ends_soon(server)
    assert {line["level"] for line in log_lines()} <= {"INFO", "WARNING", "ERROR"}


def log_lines() -> list[dict]:
    """Return the lines of the log, without the sentence for people."""
    lines = Path("server.log").read_text().splitlines()
    return [json.loads(line) for line in lines if not line.startswith("Accounts is open")]


def test_a_collector_that_never_answers_holds_up_no_end():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        with traced_to(silent.getsockname()[1]) as server:
            assert server.ask("GET", "/health/live")[0] == 200
            with silent.accept()[0]:  # these spans are waited for, and others come after them
                assert server.ask("GET", "/health/live")[0] == 200
                assert_ends_soon(server)


def traced_to(port: int):
    url = f"http://127.0.0.1:{port}"
    return served(ACCOUNTS_TRACING="true", OTEL_EXPORTER_OTLP_ENDPOINT=url)


def assert_ends_soon(server) -> None:
    began_s = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began_s < 8
