"""A page that shows balances: it reads again where an answer is cut, and never shows half of it."""

import json
from html import escape
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

TRIES = 3
TIMEOUT_S = 10
CENTS = 100


def page(url: str, token: str) -> str:
    """Return the accounts of a customer as HTML."""
    rows = "".join(map(_row, _accounts(url, token)["data"]))
    return f"<table>{rows}</table>"


def _row(account: dict[str, Any]) -> str:
    euros, cents = divmod(account["balance_minor"], CENTS)
    amount = f"{euros}.{cents:02} {account['currency']}"
    return f"<tr><th>{escape(account['name'])}</th><td>{amount}</td></tr>"


def _accounts(url: str, token: str) -> Any:
    for left in reversed(range(TRIES)):
        try:
            return json.loads(_read(url, token))
        except (OSError, HTTPException, ValueError):
            if not left:
                raise
    return None


def _read(url: str, token: str) -> bytes:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request("GET", f"{parts.path}/v1/accounts", headers=headers)
        return connection.getresponse().read()
    finally:
        connection.close()
