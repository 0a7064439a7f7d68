"""A batch that pays salaries: it waits where the bank is busy, and pays nobody twice."""

import json
import time
from collections.abc import Iterable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

TRIES = 3
BUSY = 503
TIMEOUT_S = 10


def pay_all(url: str, token: str, month: str, payments: Iterable[dict[str, Any]]) -> list[str]:
    """Pay the salaries of a month; return the status of each payment.

    The key of a payment is the month and the number of the payee: the batch may be run again.
    """
    answers = [_pay(url, token, f"{month}-{each['to_account']}", each) for each in payments]
    return [each["status"] for each in answers]


def _pay(url: str, token: str, key: str, payment: dict[str, Any]) -> Any:
    for left in reversed(range(TRIES)):
        status, retry_after_s, answer = _send(url, token, key, payment)
        if status != BUSY or not left:
            return answer
        time.sleep(retry_after_s)
    return None


def _send(url: str, token: str, key: str, payment: dict[str, Any]) -> tuple[int, float, Any]:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{parts.path}/v1/transfers", json.dumps(payment), headers)
        answer = connection.getresponse()
        retry_after_s = float(answer.headers.get("Retry-After", 0))
        return answer.status, retry_after_s, json.loads(answer.read())
    finally:
        connection.close()
