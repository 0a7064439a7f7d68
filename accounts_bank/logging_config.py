"""Application logs: one JSON object a line, on the console or in a rotating file.

Fields: `@timestamp` (ISO 8601, UTC), `level`, `logger`, `event`, then the event's fields, such as
`request_id` and `user_id`. `ERROR` is for faults that need a person now, `WARNING` for faulty
requests. No line holds a password, a token or a body.
"""

import json
import logging
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from threading import Event, Lock, Thread, current_thread, main_thread
from time import sleep
from typing import Any, BinaryIO

import msgspec

from accounts_bank.config import Settings

FLUSH_DELAY_S = 0.01
"""The time for which lines gather before one write."""
ERROR_TIMEOUT_S = 0.1
"""The time for which a thread waits until its error is written."""
CLOSE_TIMEOUT_S = 3
"""The time that the target has for the rest of the lines at the end."""
RETRY_S = 0.5
"""The pause before another write after a failure, such as a full disk."""
REOPEN_TIMEOUT_S = 1.0
"""The time in which a renamed file is left. A signal's handler must not take an event's lock."""
BUFFER_MAX_CHARS = 16 * 1024 * 1024
"""The most characters that wait for a stalled target; further lines are dropped and counted."""


class JsonFormatter(logging.Formatter):
    """Writes any record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record: the message becomes the event, then come the fields of `context`."""
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
        # Unicode has more line ends and terminal codes than JSON escapes.
        return text if text.isascii() and text else json.dumps(line, default=str)


class BackgroundHandler(logging.Handler):
    """Gathers lines for a few milliseconds; a thread of its own writes them together.

    A write for each request would cost a busy bank a fifth of its speed. Errors are written at
    once. A stalled pipe or disk blocks the handler's thread only. Meanwhile, and after a failed
    write, lines are kept up to `BUFFER_MAX_CHARS`, then dropped and counted.
    """

    def __init__(self, target: logging.StreamHandler[Any]) -> None:
        super().__init__()
        self._target = target
        target.handleError = _raise  # type: ignore[method-assign, assignment]
        self.reopens = False
        """Set to continue in a new file: the old one was renamed."""
        self._buffer_lock = Lock()
        self._lines: list[str] = []
        self._chars = self._dropped = 0
        self._flushes: list[Event] = []
        self._wake, self._flush_now = Event(), Event()
        self._is_stalled = self._closed = False
        self._thread = Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Buffer a line; wait `ERROR_TIMEOUT_S` for an error, unless the target already stalls."""
        try:
            is_kept = super().handle(record)
            if is_kept and record.levelno >= logging.ERROR and not self._is_stalled:
                self._is_stalled = not self._is_written_within(ERROR_TIMEOUT_S)
        except Exception:  # noqa: BLE001 - no memory; the caller goes on
            self._dropped += 1
            return False
        return is_kept

    def emit(self, record: logging.LogRecord) -> None:
        """Buffer a line, or count it as dropped where the buffer is full."""
        line = self.format(record)
        with self._buffer_lock:
            if self._chars + len(line) > BUFFER_MAX_CHARS:
                self._dropped += 1
            else:
                self._lines.append(line)
                self._chars += len(line)
        if not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write the buffered lines; wait `CLOSE_TIMEOUT_S` at most."""
        self._is_written_within(CLOSE_TIMEOUT_S)

    def close(self) -> None:
        """Write the rest within `CLOSE_TIMEOUT_S`, then close the target."""
        self._closed = True
        self._flush_now.set()
        self._wake.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        if not self._thread.is_alive():
            with suppress(OSError):  # a disk that is full, a pipe that is closed
                self._target.close()
        super().close()

    def _is_written_within(self, timeout_s: float) -> bool:
        if not self._thread.is_alive():
            return True
        written = Event()
        with self._buffer_lock:
            self._flushes.append(written)
        self._flush_now.set()
        self._wake.set()
        return written.wait(timeout_s)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(REOPEN_TIMEOUT_S)
            self._wake.clear()
            self._flush_now.wait(FLUSH_DELAY_S)
            self._flush_now.clear()
            if not self._write():
                sleep(RETRY_S)
                self._wake.set()
        self._write()

    def _write(self) -> bool:
        """Write the buffered lines; return whether all of them are written.

        A flush that comes meanwhile may follow a line that comes meanwhile: it waits for the next.
        """
        with self._buffer_lock:
            flushes = self._flushes[:]
        try:
            self._target.flush()  # the rest of a failed write
            if self.reopens:
                self.reopens = False
                _close_file(self._target)
            self._write_buffer()
        except Exception:  # noqa: BLE001 - a full disk, no memory; the lines stay
            self._is_stalled = True
            return False
        with self._buffer_lock:
            del self._flushes[: len(flushes)]
        self._is_stalled = False
        for written in flushes:
            written.set()
        return True

    def _write_buffer(self) -> None:
        with self._buffer_lock:
            count, dropped = len(self._lines), self._dropped
            lines = self._lines[:]
        if dropped:
            lines.append(self.format(_dropped_record(dropped)))
        if lines:
            try:
                self._target.handle(logging.makeLogRecord({"msg": "\n".join(lines)}))
            finally:
                if self._target.stream is not None:  # else no file could be opened
                    self._forget(count, dropped)

    def _forget(self, count: int, dropped: int) -> None:
        """Remove lines that the target has taken."""
        with self._buffer_lock:
            self._chars -= sum(map(len, self._lines[:count]))
            del self._lines[:count]
            self._dropped -= dropped


class _Unbuffered:
    """A file that keeps the rest of a failed write, and writes it first the next time."""

    def __init__(self, file: BinaryIO) -> None:
        """Wrap an unbuffered binary file."""
        self._file = file
        self._rest = b""
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def write(self, text: str) -> None:
        self._rest += text.encode()
        self.flush()

    def flush(self) -> None:
        while self._rest:
            count = self._file.write(self._rest)
            if count is None:  # the file does not block
                raise BlockingIOError
            self._rest = self._rest[count:]


def _raise(_record: logging.LogRecord) -> None:
    """Raise the error of a handler, which it would print otherwise."""
    raise  # noqa: PLE0704 - called by a handler in its `except`


def _close_file(target: logging.StreamHandler[Any]) -> None:
    """Close a file; the next line opens it again by its name."""
    if isinstance(target, RotatingFileHandler) and target.stream:
        target.stream.close()
        target.stream = None


def _dropped_record(dropped: int) -> logging.LogRecord:
    level = {"levelno": logging.WARNING, "levelname": "WARNING"}
    event = {"name": __name__, "msg": "log_lines_dropped", "context": {"count": dropped}}
    return logging.makeLogRecord(level | event)


class _Console(logging.StreamHandler[Any]):
    """The console, through a copy of its file descriptor.

    Python flushes `sys.stderr` at its end, and would wait there for a pipe without a reader.
    """

    def __init__(self) -> None:
        super().__init__(_Unbuffered(os.fdopen(os.dup(sys.stderr.fileno()), "wb", 0)))

    def close(self) -> None:
        self.stream.close()
        super().close()


class _File(RotatingFileHandler):
    """A file that is rotated by its size."""

    def _open(self) -> Any:
        return _Unbuffered(open(self.baseFilename, "ab", 0))  # noqa: PTH123 - kept open


def _target(settings: Settings) -> logging.StreamHandler[Any]:
    if settings.LOG_FILE:
        most_bytes, count = settings.LOG_FILE_MAX_BYTES, settings.LOG_FILE_COUNT
        return _File(settings.LOG_FILE, maxBytes=most_bytes, backupCount=count)
    try:
        return _Console()
    except (AttributeError, OSError):  # no console, or an object of the embedding program
        return logging.StreamHandler(sys.stderr)


def configure_logging(settings: Settings) -> None:
    """Send all logs of this process to `LOG_FILE`, or to the console where that is empty."""
    handler = BackgroundHandler(_target(settings))
    handler.setFormatter(JsonFormatter())
    _skip_unused_fields()
    logger = logging.getLogger("accounts_bank")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(settings.LOG_LEVEL)
    logger.propagate = False
    logging.lastResort = handler  # else lines of libraries reach the console as plain text
    logging.getLogger("werkzeug").addFilter(_is_not_access_line)
    _heed_signals(handler)


def _heed_signals(handler: BackgroundHandler) -> None:
    """Let SIGUSR1 open `LOG_FILE` anew, and ignore SIGUSR2; a server's own handlers stay."""

    def reopen(_signal: int, _frame: object) -> None:
        handler.reopens = True

    for number, action in ((signal.SIGUSR1, reopen), (signal.SIGUSR2, signal.SIG_IGN)):
        is_unused = signal.getsignal(number) in {signal.SIG_DFL, signal.SIG_IGN}
        if is_unused and current_thread() is main_thread():
            signal.signal(number, action)


def close_logs() -> None:
    """Write the buffered log lines within `CLOSE_TIMEOUT_S`."""
    for handler in logging.getLogger("accounts_bank").handlers:
        handler.close()


def _skip_unused_fields() -> None:
    """Turn off record fields that no line shows (Python's logging HOWTO, "Optimization")."""
    logging._srcfile = None  # noqa: SLF001
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False


def _is_not_access_line(record: logging.LogRecord) -> bool:
    """Drop the development server's line for each request; the bank logs its own."""
    return " - - [" not in record.getMessage()
