"""A payment client of the kind that shops have: it repeats a payment whose answer is lost."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

TRIES = 3
TIMEOUT_S = 10


class PaymentClient:
    """Pays from the account of one customer."""

    def __init__(self, url: str, token: str) -> None:
        """Take the address of the bank and the token of the customer."""
        self._url, self._token = url, token

    def pay(self, payment: dict[str, Any], key: str) -> Any:
        """Pay once, also where answers are lost: each try carries the same key."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        for left in reversed(range(TRIES)):
            try:
                return self._send("/v1/transfers", json.dumps(payment), headers)
            except (OSError, HTTPException):
                if not left:
                    raise
        return None

    def _send(self, path: str, body: str, headers: dict[str, str]) -> Any:
        parts = urlsplit(self._url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", parts.path + path, body, headers)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()
