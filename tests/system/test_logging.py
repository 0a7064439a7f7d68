"""Application logs: JSON lines on the console or in a rotating file."""

import json
import logging
from datetime import datetime
from pathlib import Path

import pytest

from accounts.logging_config import JsonFormatter
from app import create_app
from tests.helpers import Http
from tests.waiting import within

logger = logging.getLogger("accounts")


def flushed(path="app.log") -> list[dict]:
    for handler in logger.handlers:
        handler.flush()
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_a_request_is_one_line_with_what_the_reader_needs(http):
    ada = http.joined("ada")
    me = ada("GET", "/v1/users/me", headers={"X-Request-Id": "mine", "User-Agent": "test/1"})
    line = flushed()[-1]
    assert datetime.fromisoformat(line["@timestamp"]).tzinfo
    assert line["duration_ms"] > 0
    del line["@timestamp"], line["duration_ms"]
    assert line == {
        "level": "INFO",
        "logger": "accounts.requests",
        "event": "request",
        "request_id": "mine",
        "method": "GET",
        "path": "/v1/users/me",
        "status": 200,
        "address": "127.0.0.1",
        "user_id": me.json["id"],
        "user_agent": "test/1",
    }


def test_a_faulty_call_is_a_warning(http):
    answer = http("GET", "/v1/users/me")
    line = flushed()[-1]
    assert (line["level"], line["status"]) == ("WARNING", 401)
    assert line["request_id"] == answer.headers["X-Request-Id"]


def test_a_level_leaves_out_what_is_below_it(passwords):
    http = Http(create_app({"LOG_FILE": "app.log", "LOG_LEVEL": "WARNING"}, passwords=passwords))
    http("GET", "/health/live")
    http("GET", "/nowhere")
    assert [line["path"] for line in flushed()] == ["/nowhere"]


def test_a_file_is_rotated_and_so_many_are_kept(passwords):
    settings = {"LOG_FILE": "app.log", "LOG_FILE_MAX_BYTES": 4096, "LOG_FILE_COUNT": 2}
    http = Http(create_app(settings, passwords=passwords))
    for _ in range(60):
        http("GET", "/health/live")
        flushed()
    assert sorted(path.name for path in Path().glob("app.log*")) == [
        "app.log",
        "app.log.1",
        "app.log.2",
    ]
    for path in Path().glob("app.log*"):
        assert path.stat().st_size <= 4096
        assert flushed(path)


def test_without_a_file_the_lines_go_to_the_console(passwords, capsys):
    http = Http(create_app({}, passwords=passwords))
    http("GET", "/health/live")
    for handler in logger.handlers:
        handler.flush()
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["path"] == "/health/live"


def test_an_error_is_written_at_once(passwords):
    create_app({"LOG_FILE": "app.log"}, passwords=passwords)
    logger.error("burning")
    assert json.loads(Path("app.log").read_text())["event"] == "burning"


def test_lines_are_written_soon_without_being_asked_for(passwords):
    create_app({"LOG_FILE": "app.log"}, passwords=passwords)
    logger.info("calm")
    assert within(30, lambda: "calm" in Path("app.log").read_text())


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\ud800", '"}{"', "\u2028"])
def test_whatever_is_logged_is_one_line_of_json(text):
    record = logging.makeLogRecord({"msg": text, "context": {"name": text, "odd": object()}})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    assert json.loads(line)["name"] == text


def test_a_trace_stays_within_its_line():
    try:
        raise ValueError("no\nway")  # noqa: TRY301
    except ValueError as error:
        record = logging.makeLogRecord(
            {"msg": "oops", "exc_info": (type(error), error, error.__traceback__)}
        )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError" in json.loads(line)["trace"]
