"""Application logs: one JSON object a line, on the console or in a rotating file.

Fields: `@timestamp` (ISO 8601, UTC), `level`, `logger`, `event`, then what the event needs, such as
`request_id` and `user_id`. `ERROR` is for what somebody must be woken for, `WARNING` for faulty
calls. Nothing here ever holds a password, a token or a body.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import Any

import msgspec

from accounts.config import Settings

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record: its message is the event, its extra fields follow."""
        line: dict[str, Any] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        try:
            return msgspec.json.encode(line, enc_hook=str).decode()
        except UnicodeEncodeError:
            return json.dumps(line, default=str)


def configure_logging(settings: Settings) -> None:
    """Send the logs of everything in this process where the settings say."""
    handler: logging.Handler
    if settings.LOG_FILE:
        handler = RotatingFileHandler(
            settings.LOG_FILE,
            maxBytes=settings.LOG_FILE_MAX_BYTES,
            backupCount=settings.LOG_FILE_COUNT,
            encoding="utf-8",
        )
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("accounts")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(settings.LOG_LEVEL)
    logger.propagate = False
    logging.getLogger("werkzeug").addFilter(_is_no_request)


def _is_no_request(record: logging.LogRecord) -> bool:
    """Drop the development server's own line for each request: ours says more."""
    return " - - [" not in record.getMessage()
