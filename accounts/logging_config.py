"""Application logs: one JSON object a line, on the console or in a rotating file.

Fields: `@timestamp` (ISO 8601, UTC), `level`, `logger`, `event`, then what the event needs, such as
`request_id` and `user_id`. `ERROR` is for what somebody must be woken for, `WARNING` for faulty
calls. Nothing here ever holds a password, a token or a body.
"""

import json
import logging
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from threading import Event, Thread
from time import sleep
from typing import Any

import msgspec

from accounts.config import Settings

GATHER_S = 0.01


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
    """

    def __init__(self, target: logging.StreamHandler[Any]) -> None:
        super().__init__()
        self._target = target
        self._lines: list[str] = []
        self._wake = Event()
        self._closed = False
        Thread(target=self._run, name="logs", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line for the next write."""
        self._lines.append(self.format(record))
        if record.levelno >= logging.ERROR:
            self.flush()
        elif not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write what has come together."""
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self._target.handle(logging.makeLogRecord({"msg": "\n".join(lines)}))

    def close(self) -> None:
        """Write the rest and let go of the target."""
        self._closed = True
        self._wake.set()
        self.flush()
        self._target.close()
        super().close()

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            if not self._closed:  # whoever closes it writes the rest
                sleep(GATHER_S)
                self.flush()


def _target(settings: Settings) -> logging.StreamHandler[Any]:
    if not settings.LOG_FILE:
        return logging.StreamHandler(sys.stderr)
    return RotatingFileHandler(
        settings.LOG_FILE,
        maxBytes=settings.LOG_FILE_MAX_BYTES,
        backupCount=settings.LOG_FILE_COUNT,
        encoding="utf-8",
    )


def configure_logging(settings: Settings) -> None:
    """Send the logs of everything in this process where the settings say."""
    handler = GatheringHandler(_target(settings))
    handler.setFormatter(JsonFormatter())
    _take_less_time()
    logger = logging.getLogger("accounts")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(settings.LOG_LEVEL)
    logger.propagate = False
    logging.getLogger("werkzeug").addFilter(_is_no_request)


def _take_less_time() -> None:
    """Leave out what no line of ours shows (Python's logging HOWTO, "Optimization")."""
    logging._srcfile = None  # noqa: SLF001
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False


def _is_no_request(record: logging.LogRecord) -> bool:
    """Drop the development server's own line for each request: ours says more."""
    return " - - [" not in record.getMessage()
