"""Application logs: one JSON object a line, on the console or in a rotating file.

Fields: `@timestamp` (ISO 8601, UTC), `level`, `logger`, `event`, then what the event needs, such as
`request_id` and `user_id`. `ERROR` is for what somebody must be woken for, `WARNING` for faulty
calls. Nothing here ever holds a password, a token or a body.
"""

import json
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from threading import Event, Lock, Thread
from typing import Any, TextIO

import msgspec

from accounts_bank.config import Settings

GATHER_S = 0.01
AT_ONCE_S = 0.1
"""How long whoever logs an error waits for it to be written."""
END_TIMEOUT_S = 3
"""How long the target may take at the end, before what it has not taken is given up."""
WAITING_MAX_CHARS = 16 * 1024 * 1024
"""How much may wait for a target that stands still, before lines are dropped."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record: its message is the event, its `context` (a dict, in extra) follows."""
        line: dict[str, Any] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update(getattr(record, "context", {}))
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        try:
            text = msgspec.json.encode(line, enc_hook=str).decode()
        except UnicodeEncodeError:
            text = ""
        # Beyond ASCII stand more line ends and terminal codes than JSON escapes.
        return text if text.isascii() and text else json.dumps(line, default=str)


class GatheringHandler(logging.Handler):
    """Hands lines on a few milliseconds later, all that came together in one write.

    A write for each request would cost a busy bank a fifth of its speed. Errors are written at
    once; so is everything at the end.

    A thread of its own writes, and nobody else: a pipe that nobody reads, or a disk that stands
    still, keeps that thread alone. What comes meanwhile is kept up to a bound, and then counted.
    """

    def __init__(self, target: logging.StreamHandler[Any]) -> None:
        super().__init__()
        self._target = target
        self._keeping = Lock()
        self._lines: list[str] = []
        self._chars = self._dropped = 0
        self._awaited: list[Event] = []
        self._wake, self._hurry = Event(), Event()
        self._is_late = self._closed = False
        self._thread = Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Keep a line for the next write. An error is waited for: so long, and by one alone."""
        kept = super().handle(record)
        if kept and record.levelno >= logging.ERROR and not self._is_late:
            self._is_late = not self._is_written_within(AT_ONCE_S)
        return kept

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, where there is room for it."""
        line = self.format(record)
        with self._keeping:
            if self._chars + len(line) > WAITING_MAX_CHARS:
                self._dropped += 1
            else:
                self._lines.append(line)
                self._chars += len(line)
        if not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write what has come together, and wait for it, for so long at most."""
        self._is_written_within(END_TIMEOUT_S)

    def close(self) -> None:
        """Write the rest, for so long at most, and let go of the target."""
        self._closed = True
        self._hurry.set()
        self._wake.set()
        self._thread.join(END_TIMEOUT_S)
        if not self._thread.is_alive():
            with suppress(OSError):  # a disk that is full, a pipe that is closed
                self._target.close()
        super().close()

    def _is_written_within(self, timeout_s: float) -> bool:
        if not self._thread.is_alive():
            return True
        written = Event()
        with self._keeping:
            self._awaited.append(written)
        self._hurry.set()
        self._wake.set()
        return written.wait(timeout_s)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            self._hurry.wait(GATHER_S)
            self._hurry.clear()
            self._write()
        self._write()

    def _write(self) -> None:
        with self._keeping:
            lines, self._lines, self._chars = self._lines, [], 0
            dropped, self._dropped = self._dropped, 0
            awaited, self._awaited = self._awaited, []
        if dropped:
            lines.append(self.format(_told_of(dropped)))
        if lines:
            self._target.handle(logging.makeLogRecord({"msg": "\n".join(lines)}))
        self._is_late = False
        for each in awaited:
            each.set()


def _told_of(dropped: int) -> logging.LogRecord:
    level = {"levelno": logging.WARNING, "levelname": "WARNING"}
    said = {"name": __name__, "msg": "log_lines_dropped", "context": {"count": dropped}}
    return logging.makeLogRecord(level | said)


class _Console(logging.StreamHandler[TextIO]):
    """The console, by a stream of its own.

    At its end Python flushes `sys.stderr`, and would wait there for whoever does not read it.
    """

    def __init__(self) -> None:
        super().__init__(os.fdopen(os.dup(sys.stderr.fileno()), "w"))

    def close(self) -> None:
        self.stream.close()
        super().close()


def _target(settings: Settings) -> logging.StreamHandler[Any]:
    if settings.LOG_FILE:
        return RotatingFileHandler(
            settings.LOG_FILE,
            maxBytes=settings.LOG_FILE_MAX_BYTES,
            backupCount=settings.LOG_FILE_COUNT,
            encoding="utf-8",
        )
    try:
        return _Console()
    except (AttributeError, OSError):  # there is none, or it is an object of whoever embeds us
        return logging.StreamHandler(sys.stderr)


def configure_logging(settings: Settings) -> None:
    """Send the logs of everything in this process where the settings say."""
    handler = GatheringHandler(_target(settings))
    handler.setFormatter(JsonFormatter())
    _take_less_time()
    logger = logging.getLogger("accounts_bank")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(settings.LOG_LEVEL)
    logger.propagate = False
    logging.lastResort = handler  # else what libraries have to say goes to the console as it is
    logging.getLogger("werkzeug").addFilter(_is_no_request)


def close_logs() -> None:
    """Write out what the logs still hold, for so long at most."""
    for handler in logging.getLogger("accounts_bank").handlers:
        handler.close()


def _take_less_time() -> None:
    """Leave out what no line of ours shows (Python's logging HOWTO, "Optimization")."""
    logging._srcfile = None  # noqa: SLF001
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False


def _is_no_request(record: logging.LogRecord) -> bool:
    """Drop the development server's own line for each request: ours says more."""
    return " - - [" not in record.getMessage()
