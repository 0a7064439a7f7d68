"""Long statements from a running bank, and tags among several processes."""

import time
from http.client import HTTPConnection

import msgspec

from tests.stores.books import at_once
from tests.system.servers import served

LINES = 1_200


def test_a_long_statement_arrives_whole_and_is_sent_as_it_is_made():
    with served() as server:
        token = server.joined("ada")
        account = server.opened(token)
        cash = {"account": account, "amount_minor": 1, "currency": "EUR"}

        def pay_in(_worker: int) -> None:
            for _ in range(LINES // 4):
                assert server.ask("POST", "/v1/deposits", cash, token)[0] == 201

        at_once(4, pay_in)
        connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        path, headers = f"/v1/accounts/{account}/statement", {"Authorization": f"Bearer {token}"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.getheader("Transfer-Encoding") == "chunked"
        said = msgspec.json.decode(answer.read())
        connection.request("HEAD", path, headers=headers)  # the connection goes on to be used
        head = connection.getresponse()
        assert (head.status, head.read()) == (200, b"")
        connection.close()
    assert [line["number"] for line in said["lines"]] == list(range(1, LINES + 1))
    assert said["closing_balance_minor"] == said["line_count"] == LINES


def test_a_tag_from_one_worker_is_good_at_the_next():
    with served("--workers", "2", ACCOUNTS_STORE_URL="sqlite:///bank.db") as server:
        token = server.joined("ada")
        tag = _tag(server, token, "GET", None)
        for number in range(20):
            tag = _tag(server, token, "PATCH", f"Ada {number}", tag)
            time.sleep(0.01)


def _tag(server, token: str, method: str, name: str | None, given: str | None = None) -> str:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if given:
        headers["If-Match"] = given
    body = msgspec.json.encode({"full_name": name}) if name else None
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, "/v1/users/me", body, headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    connection.close()
    return str(answer.getheader("ETag"))
