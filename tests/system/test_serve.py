"""`accounts serve` as a process: it starts, drains, and lets no slow client stop the others."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.ports import free_port
from tests.stores.books import at_once
from tests.system.servers import ACCOUNTS, ROOT, served
from tests.waiting import within

JSON_HEAD = b"Host: bank\r\nContent-Type: application/json\r\n"


def connected(server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def answered(server, sent: bytes) -> bytes:
    """Send raw bytes; return the answer until the connection is closed or still."""
    with connected(server) as connection:
        connection.settimeout(20)
        with suppress(OSError):  # it may be answered before all of it was taken
            connection.sendall(sent)
        received = b""
        while b"\r\n\r\n" not in received or not received.endswith((b"}", b"\n")):
            chunk = connection.recv(65536)
            if not chunk:
                break
            received += chunk
        return received


@pytest.mark.real_start
def test_a_bank_is_there_and_ends_in_order(tmp_path):
    with served() as server:
        assert server.ask("GET", "/health/live") == (200, {"status": "live"})
        assert server.ask("GET", "/last/words")[0] == 404
        assert server.stop() == 0
    assert "/last/words" in Path("server.log").read_text()
    assert f"http://127.0.0.1:{server.port}" in Path("server.log").read_text()
    assert Path("audit.log").exists()


def test_a_second_bank_on_the_same_port_says_so():
    with served() as server:
        result = subprocess.run(
            [ACCOUNTS, "serve", "--port", str(server.port)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert result.returncode == 1
    assert "use another --port" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bank_that_cannot_start_says_why_and_ends():
    Path("audit.log").mkdir()
    result = subprocess.run(
        [ACCOUNTS, "serve", "--port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode != 0
    assert "AUDIT_LOG" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bank_that_is_ended_finishes_its_requests():
    with served() as server:
        token = server.joined("ada")
        payer, payee = server.opened(token, 100_000), server.opened(token)
        done, ended = [], Event()

        def pay(number):
            turn = 0
            while not ended.is_set():
                turn += 1
                wish = {
                    "from_account": payer,
                    "to_account": payee,
                    "amount_minor": 1,
                    "currency": "EUR",
                    "reference": f"{number}-{turn}",
                }
                try:
                    status, _ = server.ask("POST", "/v1/transfers", wish, token)
                except ConnectionRefusedError:
                    return "refused"
                except OSError as error:
                    return f"lost midway: {error!r}"
                assert status == 201
                done.append(wish["reference"])
            return None

        def end():
            within(60, lambda: len(done) >= 200)
            server.process.send_signal(signal.SIGTERM)

        Thread(target=end).start()
        said = at_once(8, pay)
        ended.set()
        assert server.process.wait(20) == 0
    told = [line for line in Path("audit.log").read_text().splitlines() if '"transfer"' in line]
    assert len(told) >= len(done)
    # A connection may be closed before the request on it is read; one that is read is answered.
    assert len(told) - len(done) == 0, said


def test_every_acknowledged_transfer_is_in_the_audit_log_after_a_kill():
    with served() as server:
        token = server.joined("ada")
        payer, payee = server.opened(token, 1000), server.opened(token)
        wish = {"from_account": payer, "to_account": payee, "amount_minor": 1, "currency": "EUR"}
        made = [server.ask("POST", "/v1/transfers", wish, token)[1]["id"] for _ in range(20)]
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    log = Path("audit.log").read_text()
    assert all(entry_id in log for entry_id in made)
    assert subprocess.run([ACCOUNTS, "audit", "verify"], timeout=20, check=False).returncode == 0


def test_sixteen_clients_at_once_conserve_money_and_pay_each_key_once():
    with served() as server:
        token = server.joined("ada")
        accounts = [server.opened(token, 100) for _ in range(4)]

        def pay(number):
            for turn in range(10):
                wish = {
                    "from_account": accounts[(number + turn) % 4],
                    "to_account": accounts[(number + turn + 1) % 4],
                    "amount_minor": 10 + turn,
                    "currency": "EUR",
                }
                key = {"Idempotency-Key": f"{number // 2}-{turn}"}
                asked = wish | {"from_account": accounts[turn % 4]}
                status, answer = server.ask("POST", "/v1/transfers", asked, token, **key)
                assert status in {201, 422}, answer

        at_once(16, pay)
        page = server.ask("GET", "/v1/accounts", token=token)[1]["data"]
        balances = [account["balance_minor"] for account in page]
        transfers = server.ask("GET", "/v1/transfers?limit=100", token=token)[1]["data"]
    assert sum(balances) == 400
    assert min(balances) >= 0
    assert len(transfers) <= 80


def test_slow_clients_get_408_and_delay_no_other_client():
    with served() as server:
        token = server.joined("ada")
        slow = [connected(server) for _ in range(100)]
        for connection in slow:
            connection.sendall(b"POST /v1/users HTTP/1.1\r\n" + JSON_HEAD)
            connection.sendall(b"Content-Length: 100\r\n\r\n{")
        began_s = time.monotonic()
        for _ in range(20):
            assert server.ask("GET", "/v1/users/me", token=token)[0] == 200
        assert time.monotonic() - began_s < 5
        first = slow[0].recv(65536)
        assert first.startswith(b"HTTP/1.1 408")
        assert b"application/problem+json" in first
        assert b"request_timeout" in first
        for connection in slow:
            connection.close()


TOO_LARGE = [
    (b"Content-Length: 10000000\r\n", b" " * 10_000_000),
    (b"Content-Length: 1048577\r\n", b" " * 1_048_577),
    (b"Transfer-Encoding: chunked\r\n", b"10000\r\n" + (b" " * 65536 + b"\r\n10000\r\n") * 40),
    (b"Expect: 100-continue\r\nContent-Length: 10000000\r\n", b""),
]


def test_a_body_past_its_bound_is_413():
    with served() as server:
        for head, body in TOO_LARGE:
            sent = b"POST /v1/users HTTP/1.1\r\n" + JSON_HEAD + head + b"\r\n" + body
            answer = answered(server, sent)
            assert answer.startswith(b"HTTP/1.1 413"), head
            assert b"body_too_large" in answer, head


def test_odd_requests_get_an_answer_below_500():
    with served() as server:
        for sent, status in [
            (b"POST /v1/users HTTP/1.1\r\n" + JSON_HEAD + b"Content-Length: 2\r\n" * 2, b"400"),
            (
                b"POST /v1/users HTTP/1.1\r\n" + JSON_HEAD + b"Transfer-Encoding: chunked\r\n",
                b"400",
            ),
            (b"GET /v1/accounts/%ff%00 HTTP/1.1\r\nHost: bank\r\n", b"404"),
            (b"GET /health/live HTTP/1.0\r\n", b"200"),
            (b"FROB /health/live HTTP/1.1\r\nHost: bank\r\n", b"405"),
            (b"POST /v1/deposits HTTP/1.1\r\nIdempotency-Key: \xc3\xbc\r\nHost: bank\r\n", b"401"),
        ]:
            body = b"2\r\n{}\r\n0\r\n\r\n" if b"chunked" in sent else b"{}" * (b"POST" in sent)
            answer = answered(server, sent + b"\r\n" + body)
            assert answer.split(b" ")[1] == status, (sent, answer)


def test_a_key_that_is_not_ascii_is_refused_and_not_overlooked():
    with served() as server:
        token = server.joined("ada").encode()
        sent = b"POST /v1/deposits HTTP/1.1\r\nAuthorization: Bearer " + token + b"\r\n" + JSON_HEAD
        body = b'{"account":"x","amount_minor":1,"currency":"EUR"}'
        head = b"Idempotency-Key: k\xc3\xbc\r\nContent-Length: %d\r\n\r\n" % len(body)
        answer = answered(server, sent + head + body)
        assert b"Send one Idempotency-Key" in answer


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_flask_run_finds_the_bank_too():
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", str(ROOT / "app.py"), "run", "--port", str(port)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        assert within(60, lambda: is_listening(port))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"GET /health/ready HTTP/1.0\r\n\r\n")
            assert b"200 OK" in connection.recv(65536)
    finally:
        process.terminate()
        process.wait(20)
