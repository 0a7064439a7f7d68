"""Trace context: the log has the caller's; with TRACING the bank adds a span."""

import json
import logging
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import accounts_bank.observability
from accounts_bank.app import create_app
from accounts_bank.errors import SettingsError
from accounts_bank.observability import tracing as telemetry
from tests.helpers import Http

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


def logged() -> dict:
    """Return the line of the last request."""
    for handler in logging.getLogger("accounts_bank").handlers:
        handler.flush()
    lines = map(json.loads, Path("app.log").read_text().splitlines())
    return [line for line in lines if line["event"] == "request"][-1]


@pytest.mark.parametrize("header", [PARENT, f"00-{TRACE_ID}-{SPAN_ID}-00", f"cc-{PARENT[3:]}-new"])
def test_the_trace_of_the_caller_is_in_the_log(http, header):
    http("GET", "/health/live", headers={"traceparent": header})
    line = logged()
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, SPAN_ID)


@pytest.mark.parametrize(
    "header",
    [
        *("", "x", PARENT.upper(), PARENT + "-more", PARENT + " ", PARENT[:-1], f"ff{PARENT[2:]}"),
        *(f"00-{'0' * 32}-{SPAN_ID}-01", f"00-{TRACE_ID}-{'0' * 16}-01", f"{PARENT},{PARENT}"),
    ],
)
def test_a_malformed_trace_context_is_left_out(http, header):
    http("GET", "/health/live", headers={"traceparent": header})
    assert not {"trace_id", "span_id"} & logged().keys()


@pytest.fixture
def traced(passwords, monkeypatch):
    """Make a bank that keeps its spans: a caller, and a function that gives them."""
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(telemetry, "OTLPSpanExporter", lambda: exporter)
    app = create_app({"TRACING": True, "LOG_FILE": "app.log"}, passwords=passwords)
    provider = app.extensions["accounts.traces"]._provider

    def spans():
        provider.force_flush()
        return exporter.get_finished_spans()

    yield Http(app), spans
    provider.shutdown()


def test_a_span_is_named_by_its_route_and_goes_on_with_the_callers_trace(traced):
    http, spans = traced
    ada = http.joined("ada")
    account = ada.opened()
    ada("GET", f"/v1/accounts/{account['id']}", headers={"traceparent": PARENT})
    line, span = logged(), spans()[-1]
    assert span.name == "GET /v1/accounts/<account>"
    assert f"{span.context.trace_id:032x}" == line["trace_id"] == TRACE_ID
    assert f"{span.parent.span_id:016x}" == SPAN_ID
    assert f"{span.context.span_id:016x}" == line["span_id"] != SPAN_ID
    assert span.resource.attributes["service.name"] == "accounts"


def test_a_refusal_and_a_stranger_have_spans_too(traced):
    http, spans = traced
    assert http("GET", "/v1/users/me").status_code == 401
    assert http("GET", "/nowhere").status_code == 404
    assert http("FROB", "/nowhere").status_code == 404
    assert [span.name for span in spans()] == ["GET /v1/users/me", "GET", "HTTP"]
    assert logged()["trace_id"] == f"{spans()[-1].context.trace_id:032x}"


def test_no_secret_is_in_a_span(traced):
    http, spans = traced
    ada = http.joined("ada")
    ada("GET", "/v1/users/me", headers={"Cookie": "canary", "X-Canary": "canary"})
    shown = "".join(span.to_json() for span in spans())
    assert not [each for each in (ada.token, "correct horse", "canary") if each in shown]


def test_a_start_without_the_extra_names_the_package_to_install(passwords, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "accounts_bank.observability.tracing")
    monkeypatch.delattr(accounts_bank.observability, "tracing")
    with pytest.raises(SettingsError, match=r"accounts-bank\[tracing\]"):
        create_app({"TRACING": True, "LOG_FILE": "app.log"}, passwords=passwords)


def test_without_tracing_nothing_of_it_is_loaded(http):
    http("GET", "/health/live")
    assert "accounts.traces" not in http.app.extensions


@pytest.mark.parametrize("call", ["start_span", "on_end"])
def test_a_request_that_cannot_be_traced_is_answered(traced, monkeypatch, call):
    http, _ = traced

    def fail(*_arguments, **_named):
        raise MemoryError

    tracing = http.app.extensions["accounts.traces"]
    owner = tracing._tracer if call == "start_span" else tracing._provider._active_span_processor
    monkeypatch.setattr(owner, call, fail)
    assert http("GET", "/health/live").status_code == 200
