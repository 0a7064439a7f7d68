"""OpenTelemetry: a span of each request, sent by OTLP over HTTP. Needs `accounts-bank[tracing]`.

OpenTelemetry's own settings choose the collector (OTEL_EXPORTER_OTLP_ENDPOINT) and the share of
requests (OTEL_TRACES_SAMPLER). Attributes follow its semantic conventions for HTTP, 1.23.
"""

import logging
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

from opentelemetry.context import attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from accounts_bank.observability.observer import METHODS
from accounts_bank.observability.shield import shielded
from accounts_bank.observability.trace_context import TRACE
from accounts_bank.observability.wsgi import Application, Environment, StartResponse

END_TIMEOUT_S = 3
"""How long the last sending may take; spans still waiting then are dropped."""

_SENT = {
    "http.request.method": "REQUEST_METHOD",
    "url.path": "PATH_INFO",
    "url.scheme": "wsgi.url_scheme",
    "client.address": "REMOTE_ADDR",
    "user_agent.original": "HTTP_USER_AGENT",
}


class Traced:
    """Wraps a WSGI application; spans are sent in batches, the last ones by `shutdown`."""

    def __init__(self, application: Application, route_of: Callable[[Environment], str]) -> None:
        logging.getLogger("opentelemetry").parent = logging.getLogger("accounts_bank")
        self._application = application
        self._route_of = route_of
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "accounts"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("accounts")
        self._propagator = TraceContextTextMapPropagator()

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        method = environment["REQUEST_METHOD"]
        name = method if method in METHODS else "HTTP"
        span = self._start_span(name, environment)
        if span is None:  # no memory for it, for example
            return self._application(environment, start_response)

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            _end(span, name, self._route_of(environment), int(status[:3]))
            return start_response(status, headers, error)

        token = attach(set_span_in_context(span))
        try:
            return self._application(environment, start)
        finally:
            detach(token)

    def shutdown(self) -> None:
        """Send the waiting spans; unbounded, the library would retry for 10 s and more."""
        ending = Thread(target=self._provider.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(END_TIMEOUT_S)

    @shielded
    def _start_span(self, name: str, environment: Environment) -> Span:
        header = environment.get("HTTP_TRACEPARENT")
        carrier = {"traceparent": header, "tracestate": environment.get("HTTP_TRACESTATE", "")}
        parent = self._propagator.extract(carrier) if header else None
        span = self._tracer.start_span(name, parent, SpanKind.SERVER)
        if span.is_recording():
            sent = {key: environment.get(name) for key, name in _SENT.items()}
            span.set_attributes({key: value for key, value in sent.items() if value is not None})
        context = span.get_span_context()
        environment[TRACE] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        return span


@shielded
def _end(span: Span, name: str, route: str, status: int) -> None:
    if span.is_recording():
        if route:
            span.update_name(f"{name} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= 500:  # noqa: PLR2004
            span.set_status(StatusCode.ERROR)
    span.end()
