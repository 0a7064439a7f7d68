"""A client of a test bank: it has a token, and its answers are parsed."""

import json as json_module
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from accounts_bank.testing.transports import Reply, Transport


class Fields(dict[str, Any]):
    """A JSON object; `answer.status` is the same as `answer["status"]`."""

    def __getattr__(self, name: str) -> Any:
        """Return a field by its name."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Refusal(Exception):
    """An answer with a status of 400 or more.

    :ivar status: of the answer.
    :ivar code: of the problem, such as `funds_insufficient`; "" where the answer is no problem.
    :ivar problem: the body (RFC 9457).
    """

    def __init__(self, request: str, answer: "Answer") -> None:
        """Take the answer to a request, such as `POST /v1/transfers`."""
        self.status = answer.status
        self.problem: Any = answer.json if "json" in answer.type else Fields()
        self.code = str(self.problem.get("code", ""))
        detail = self.problem.get("detail") or answer.text
        super().__init__(f"{request}: {answer.status} {self.code}. {detail}")


class Answer:
    """An answer with its status, headers and body."""

    def __init__(self, reply: Reply) -> None:
        """Take an answer as it arrived."""
        self.status, self.headers, self.body = reply.status, reply.headers, reply.body
        self.type = reply.headers.get("Content-Type", "")

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body, parsed from JSON; None where it is empty."""
        return json_module.loads(self.body, object_hook=Fields) if self.body else None


class Client:
    """Sends requests to a bank, as one of its users.

    `get`, `post`, `put`, `patch` and `delete` return the parsed answer and raise `Refusal`.
    `request` returns each answer with its status and headers.

    :ivar token: the access token of the user; "" for a caller without one.
    :ivar user: `id` and `username` of the user; empty for the admin of the bank.
    :ivar accounts: the accounts of the user as they were opened.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        token: str = "",
        user: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the path of the bank, such as `/banks/<id>`, and a user of the bank."""
        self._transport, self._path = transport, path
        self.url = transport.url + path
        self.token = token
        self.user = Fields(user or {})
        self.accounts: list[Fields] = self.user.get("accounts", [])

    @property
    def account(self) -> Fields:
        """The first account of the user as it was opened: `id`, `number`, `currency` ..."""
        return self.accounts[0]

    @property
    def balance_minor(self) -> int:
        """The present balance of the first account, in minor units."""
        return int(self.get(f"/v1/accounts/{self.account.id}").balance_minor)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that sign the user in, for a client of your own."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; return its answer, a refusal too.

        :param path: below the bank, such as `/v1/transfers`.
        :param json: the body; None for none.
        :param key: the idempotency key.
        :raises ConnectionError: the connection ends before the answer.
        """
        sent = {**self.headers, **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = key
        body = None
        if json is not None:
            body = json_module.dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        return Answer(self._transport.send(method, self._path + path, sent, body))

    def get(self, path: str, **query: Any) -> Any:
        """Read; `query` becomes the query of the URL."""
        return self._parsed("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        """Send a POST; `more` as for `request`."""
        return self._parsed("POST", path, json, **more)

    def put(self, path: str, json: Any = None, **more: Any) -> Any:
        """Send a PUT; `more` as for `request`."""
        return self._parsed("PUT", path, json, **more)

    def patch(self, path: str, json: Any = None, **more: Any) -> Any:
        """Send a PATCH; `more` as for `request`."""
        return self._parsed("PATCH", path, json, **more)

    def delete(self, path: str, **more: Any) -> Any:
        """Send a DELETE; `more` as for `request`."""
        return self._parsed("DELETE", path, **more)

    def transfer(
        self, payee: "Client", amount_minor: int, *, key: str | None = None, **more: Any
    ) -> Any:
        """Transfer from the first account to the first account of another client.

        :param amount_minor: in minor units.
        :param more: further fields of the body, such as `reference`.
        :raises Refusal: the bank refuses it.
        """
        body = self.payment_to(payee, amount_minor)
        return self.post("/v1/transfers", body | more, key=key)

    def payment_to(self, payee: "Client", amount_minor: int) -> dict[str, Any]:
        """Return the fields that transfers, holds and schedules have in common."""
        return {
            "from_account": self.account.id,
            "to_account": payee.account.number,
            "amount_minor": amount_minor,
            "currency": self.account.currency,
        }

    def _parsed(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        answer = self.request(method, path, json, **more)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refusal(f"{method} {path}", answer)
        return answer.json if "json" in answer.type else answer.text or None
