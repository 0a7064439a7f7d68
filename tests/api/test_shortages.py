"""A fault of counting, logging or tracing never fails a request; a shortage is a 503."""

import json
import logging
from pathlib import Path

import pytest

from accounts_bank.app import create_app
from accounts_bank.logging_config import BackgroundHandler
from accounts_bank.observability.prometheus import Metrics
from tests.helpers import Http, code


@pytest.fixture
def http(passwords) -> Http:
    return Http(create_app({"LOG_FILE": "app.log"}, passwords=passwords))


def fail(*_arguments, **_named):
    raise MemoryError


def events(name: str) -> list[dict]:
    for handler in logging.getLogger("accounts_bank").handlers:
        handler.flush()
    lines = [json.loads(line) for line in Path("app.log").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


@pytest.fixture
def counting_fails(monkeypatch):
    """Let every count fail, where prometheus-client does it."""
    made = Metrics.__init__

    def broken(self) -> None:
        made(self)
        self._request = self._seconds = self._entry = self._store = fail

    monkeypatch.setattr(Metrics, "__init__", broken)


def test_a_request_that_cannot_be_counted_is_answered(counting_fails, http):
    ada = http.joined("ada")
    account, other = ada.opened(5), ada.opened()
    ada.transfer(account, other, 2)
    assert ada("GET", f"/v1/accounts/{account['id']}").json["balance_minor"] == 3
    assert http("GET", "/health/ready").status_code == 200
    observations = [line["observation"] for line in events("observation_failed")]
    assert len(observations) == len(set(observations))  # one line a minute of each


def test_a_gauge_that_cannot_be_read_leaves_the_others(http):
    http.app.extensions["accounts"].observer.add_gauges(fail)
    answer = http("GET", "/metrics")
    assert answer.status_code == 200
    assert "accounts_workers 1.0" in answer.text


def test_a_line_that_cannot_be_formatted_is_counted_as_dropped(http, monkeypatch):
    handlers = logging.getLogger("accounts_bank").handlers
    (handler,) = [each for each in handlers if isinstance(each, BackgroundHandler)]
    with monkeypatch.context() as broken:
        broken.setattr(handler.formatter, "format", fail)
        assert http("GET", "/health/live").status_code == 200
    assert http("GET", "/health/live").status_code == 200
    assert [line["count"] for line in events("log_lines_dropped")] == [1]


@pytest.mark.parametrize(
    ("error", "status", "reason", "event"),
    [
        (MemoryError(), 503, "unavailable", "resources_exhausted"),
        (OSError(24, "Too many open files"), 503, "unavailable", "resources_exhausted"),
        (KeyError("a mistake"), 500, "internal_error", "unexpected_error"),
    ],
)
@pytest.mark.parametrize("place", ["preprocess_request", "finalize_request"])
def test_a_shortage_is_503_and_a_mistake_is_500(  # noqa: PLR0917 - a table
    http, monkeypatch, error, status, reason, event, place
):
    def failing(*_arguments, **_named):
        raise error

    monkeypatch.setattr(http.app, place, failing)
    answer = http("GET", "/v1/users/me")
    assert code(answer) == (status, reason)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)
    (line,) = events(event)[-1:]
    assert line["request_id"] == answer.headers["X-Request-Id"] == answer.json["request_id"]
    assert events("request")[-1]["status"] == status
