"""OpenTelemetry: a span of each request, sent by OTLP over HTTP. Needs `accounts[tracing]`.

Where to, and how many of them, say its own settings, as OTEL_EXPORTER_OTLP_ENDPOINT and
OTEL_TRACES_SAMPLER.
"""

import logging
from typing import Any

from flask import Flask, request
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from accounts.api.traces import TRACE
from accounts.watch import METHODS


def instrument(app: Flask) -> TracerProvider:
    """Make spans from now on; they wait to be sent in batches until the provider is shut down."""
    logging.getLogger("opentelemetry").parent = logging.getLogger("accounts")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "accounts"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    FlaskInstrumentor.instrument_app(  # type: ignore[no-untyped-call]
        app, tracer_provider=provider, request_hook=_note, enable_commenter=False
    )
    return provider


def _note(span: Any, environment: dict[str, Any]) -> None:
    """Have the log name the span too, and never a span be called by what somebody sent."""
    context = span.get_span_context()
    environment[TRACE] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    if request.url_rule is None:
        span.update_name(request.method if request.method in METHODS else "HTTP")
