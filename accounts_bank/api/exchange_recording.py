"""Keeps the last requests and answers of each sandbox bank, for its page."""

from flask import Flask, Response, request

from accounts_bank.http.bank import bank
from accounts_bank.http.hosts import API_PREFIX
from accounts_bank.http.lost_answers import CUT_BYTES, DELAY_S
from accounts_bank.http.messages import BODY
from accounts_bank.http.middleware import REQUEST_ID, STREAMS, USER_ID
from accounts_bank.sandbox.exchanges import Exchange, shown


def register(app: Flask) -> None:
    """Keep each call of the API. Only a sandbox does."""
    app.after_request(_keep)


def _keep(response: Response) -> Response:
    sandbox = bank().sandbox
    if sandbox is None or not request.path.startswith(API_PREFIX):
        return response
    given = request.environ
    sandbox.exchanges.add(
        Exchange(
            at=sandbox.now,
            request_id=given[REQUEST_ID],
            method=request.method,
            path=request.full_path.removesuffix("?"),
            status=response.status_code,
            user_id=given.get(USER_ID) or "",
            fault=_fault(given.get(CUT_BYTES), given.get(DELAY_S)),
            request=shown(given.get(BODY, b"")),
            answer="" if given.get(STREAMS) else shown(response.get_data()),
        )
    )
    return response


def _fault(cut_bytes: int | None, delay_s: float | None) -> str:
    if cut_bytes is not None:
        return f"cut after {cut_bytes} bytes" if cut_bytes else "lost"
    return f"{delay_s:g} s late" if delay_s else ""
