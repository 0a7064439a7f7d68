"""Application logs: JSON lines on the console or in a rotating file."""

import io
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from accounts_bank import logging_config
from accounts_bank.app import create_app
from accounts_bank.logging_config import BackgroundHandler, JsonFormatter
from tests.helpers import Http
from tests.system.servers import served
from tests.waiting import within

logger = logging.getLogger("accounts_bank")


def flushed(path="app.log") -> list[dict]:
    for handler in logger.handlers:
        handler.flush()
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_a_request_is_one_line_with_its_status_user_and_time(http):
    ada = http.joined("ada")
    me = ada("GET", "/v1/users/me", headers={"X-Request-Id": "mine", "User-Agent": "test/1"})
    line = flushed()[-1]
    assert datetime.fromisoformat(line["@timestamp"]).tzinfo
    assert line["duration_ms"] > 0
    del line["@timestamp"], line["duration_ms"]
    assert line == {
        "level": "INFO",
        "logger": "accounts_bank.requests",
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


def test_a_level_omits_lower_levels(passwords):
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
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    assert [each["path"] for each in lines if each["event"] == "request"] == ["/health/live"]


def test_an_error_is_written_at_once(passwords, monkeypatch):
    monkeypatch.setattr(logging_config, "ERROR_TIMEOUT_S", 30)
    create_app({"LOG_FILE": "app.log"}, passwords=passwords)
    logger.error("burning")
    lines = Path("app.log").read_text().splitlines()
    assert "burning" in {json.loads(line)["event"] for line in lines}


def test_a_library_logs_json_lines_too(passwords):
    create_app({"LOG_FILE": "app.log"}, passwords=passwords)
    library = logging.getLogger("library")
    library.propagate = False  # to what the tests listen with
    library.error("odd")
    assert flushed()[-1] | {"@timestamp": ""} == {
        "@timestamp": "",
        "level": "ERROR",
        "logger": "library",
        "event": "odd",
    }


def test_lines_are_written_soon_without_being_asked_for(passwords):
    create_app({"LOG_FILE": "app.log"}, passwords=passwords)
    logger.info("calm")
    assert within(30, lambda: "calm" in Path("app.log").read_text())


class Target(logging.StreamHandler):
    """A target that stands still until it is told to move."""

    def __init__(self):
        super().__init__(io.StringIO())
        self.begun, self.moves = Event(), Event()

    def emit(self, record):
        self.begun.set()
        self.moves.wait(30)
        self.moves.set()  # or it is late, and the test fails
        super().emit(record)


@pytest.fixture
def target():
    target = Target()
    yield target
    target.moves.set()


@pytest.fixture
def late(target):
    """Yield a logger with a target that stalls after its first line."""
    handler, logger = BackgroundHandler(target), logging.getLogger("late")
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.info("first")
    assert target.begun.wait(10)
    yield logger
    target.moves.set()
    logger.removeHandler(handler)
    handler.close()


def test_a_stalled_target_blocks_no_thread_and_gets_all_lines_later(late, target, monkeypatch):
    began_s = monotonic()
    for number in range(100):
        late.error(str(number))
    assert monotonic() - began_s < 5  # one was waited for: to wait for each would take ten
    target.moves.set()
    late.handlers[0].flush()
    told = [json.loads(line)["event"] for line in target.stream.getvalue().splitlines()]
    assert told == ["first", *map(str, range(100))]
    monkeypatch.setattr(logging_config, "ERROR_TIMEOUT_S", 30)
    late.error("at once")
    assert "at once" in target.stream.getvalue()


def test_a_flush_waits_for_the_lines_before_it(late, target):
    late.info("second")
    flushing = Thread(target=late.handlers[0].flush)
    flushing.start()
    while not late.handlers[0]._flushes:
        sleep(0.001)
    lines = []

    def emit_slowly(record):
        sleep(0.05)
        lines.append(json.loads(record.getMessage())["event"])

    target.emit = emit_slowly
    target.moves.set()
    flushing.join(10)
    assert lines == ["second"]


def test_lines_beyond_the_buffer_are_counted(late, target, monkeypatch):
    monkeypatch.setattr(logging_config, "BUFFER_MAX_CHARS", 1_000)
    for number in range(100):
        late.info(str(number))
    target.moves.set()
    late.handlers[0].flush()
    late.info("later")
    late.handlers[0].flush()
    first, *kept, told, later = map(json.loads, target.stream.getvalue().splitlines())
    assert [first["event"], later["event"]] == ["first", "later"]
    assert [line["event"] for line in kept] == [str(number) for number in range(len(kept))]
    assert (told["event"], told["level"]) == ("log_lines_dropped", "WARNING")
    assert told["count"] == 100 - len(kept) > 50


def test_a_target_that_never_moves_holds_up_no_end(late, monkeypatch):
    monkeypatch.setattr(logging_config, "CLOSE_TIMEOUT_S", 0.1)
    late.error("unheard")
    began_s = monotonic()
    late.handlers[0].close()
    assert monotonic() - began_s < 10


@pytest.fixture
def unread():
    """Give a bank a pipe without a reader as its console; yield the read end."""
    os.mkfifo("server.log")
    with os.fdopen(os.open("server.log", os.O_RDONLY | os.O_NONBLOCK)) as pipe:
        yield pipe


def test_a_console_without_a_reader_blocks_neither_requests_nor_the_end(unread):
    with served() as server:
        lines_of(server)
        began_s = monotonic()
        assert server.stop() == 0
        assert monotonic() - began_s < 10


def test_a_console_that_is_closed_holds_up_neither_requests_nor_the_end(unread):
    with served() as server:
        unread.close()
        lines_of(server)
        assert server.stop() == 0


def test_a_console_that_is_read_at_last_has_all_lines(unread):
    with ThreadPoolExecutor(1) as reader, served() as server:
        paths = lines_of(server)
        os.set_blocking(unread.fileno(), True)
        read = reader.submit(unread.readlines)
        assert server.stop() == 0
        lines = [json.loads(line) for line in read.result(20) if line.startswith("{")]
    assert [line["path"] for line in lines if line.get("user_agent") == LONG] == paths


LONG = "x" * 500


def lines_of(server) -> list[str]:
    """Ask for so much that its lines fill a pipe; each answer comes soon."""
    token = server.joined("ada")
    cash = {"account": server.opened(token), "amount_minor": 1, "currency": "EUR"}
    paths = []
    for _ in range(200):
        began_s = monotonic()
        assert server.ask("GET", "/health/live", **{"User-Agent": LONG})[0] == 200
        assert server.ask("POST", "/v1/deposits", cash, token, **{"User-Agent": LONG})[0] == 201
        assert monotonic() - began_s < 5
        paths += ["/health/live", "/v1/deposits"]
    return paths


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\ud800", '"}{"', "\u2028"])
def test_any_message_is_one_line_of_json(text):
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
