"""SIGTERM with DRAIN_S: load balancers notice before anything is refused."""

import os
import signal
import socket
import subprocess
import time
from functools import partial
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any

import pytest

from tests.ports import free_port
from tests.stores.books import at_once
from tests.system.servers import ACCOUNTS, Server, served
from tests.waiting import within

SQLITE: dict[str, Any] = {"ACCOUNTS_STORE_URL": "sqlite:///bank.db"}


def is_unready(server: Server) -> bool:
    return server.ask("GET", "/health/ready")[0] == 503


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bank_that_drains_is_unready_and_serves_on_until_it_ends(workers):
    with served("--workers", workers, ACCOUNTS_DRAIN_S="6", **SQLITE) as server:
        token = server.joined("ada")
        account = server.opened(token)
        cash = {"account": account, "amount_minor": 1, "currency": "EUR"}
        began_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert within(5, lambda: is_unready(server))
        for _ in range(5):
            assert server.ask("GET", "/health/live")[0] == 200
            assert server.ask("POST", "/v1/deposits", cash, token)[0] == 201
            assert server.ask("GET", "/health/ready")[0] == 503
        assert server.process.wait(20) == 0
        assert 6 <= time.monotonic() - began_s < 20


@pytest.mark.parametrize("drain_s", ["0", "3"])
def test_a_reader_that_waits_for_an_event_does_not_delay_the_end(drain_s):
    with served(ACCOUNTS_DRAIN_S=drain_s) as server:
        token, answers = server.joined("ada"), list[Any]()
        wait = partial(server.ask, "GET", "/v1/events?wait_s=20", None, token)
        reader = Thread(target=lambda: answers.append(wait()))
        reader.start()
        time.sleep(1)  # it waits by now; a reader that comes later passes as well
        server.process.send_signal(signal.SIGTERM)
        reader.join(30)
        assert [status for status, *_ in answers] == [200]
        assert server.process.wait(20) == 0


def test_a_draining_bank_closes_kept_connections():
    with served(ACCOUNTS_DRAIN_S="60") as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["Connection"] is None
        server.process.send_signal(signal.SIGTERM)
        assert within(20, lambda: is_unready(server))
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        server.process.kill()


def test_clients_that_leave_when_they_are_told_lose_nothing():
    with served("--workers", "2", ACCOUNTS_DRAIN_S="60", **SQLITE) as server:
        began, lost = Event(), []

        def ask(_number):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
            while True:
                try:
                    connection.request("GET", "/health/live")
                    answer = connection.getresponse()
                    answer.read()
                except OSError as error:
                    lost.append(error)
                    return
                began.set()
                if answer.headers["Connection"] == "close":
                    return

        def end():
            assert began.wait(30)
            server.process.send_signal(signal.SIGTERM)

        at_once(9, lambda number: end() if number == 8 else ask(number))
        assert lost == []
        os.killpg(server.process.pid, signal.SIGINT)  # nobody else is there
        assert server.process.wait(20) == 0


def test_workers_of_a_killed_first_process_end_in_order_and_free_the_port():
    with served("--workers", "2", ACCOUNTS_DRAIN_S="5", **SQLITE) as server:
        token = server.joined("ada")
        account = server.opened(token)
        cash = {"account": account, "amount_minor": 1, "currency": "EUR"}
        server.process.kill()
        server.process.wait()
        assert within(5, lambda: is_unready(server))
        assert server.ask("POST", "/v1/deposits", cash, token)[0] == 201
        assert within(30, lambda: is_closed(server))
        with served(port=server.port, **SQLITE) as following:
            found = following.ask("GET", f"/v1/accounts/{account}", token=token)
            assert found[1]["balance_minor"] == 1
    proof = subprocess.run([ACCOUNTS, "verify"], env=os.environ | SQLITE, check=False)
    assert proof.returncode == 0


def is_closed(server: Server) -> bool:
    try:
        server.ask("GET", "/health/live")
    except ConnectionRefusedError:
        return True
    except OSError:  # it closes at this moment
        return False
    return False


def test_ctrl_c_ends_a_draining_bank_at_once():
    with served(ACCOUNTS_DRAIN_S="60") as server:
        began_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert within(20, lambda: is_unready(server))
        os.killpg(server.process.pid, signal.SIGINT)  # as Ctrl-C does
        assert server.process.wait(20) == 0
        assert time.monotonic() - began_s < 20


def health(*arguments: str, port: int) -> tuple[int, str]:
    result = subprocess.run(
        [ACCOUNTS, "health", "--port", str(port), *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.stderr == ""
    return result.returncode, result.stdout


def test_the_health_of_a_bank_can_be_asked_without_curl():
    with served(ACCOUNTS_DRAIN_S="60") as server:
        at = f"127.0.0.1:{server.port}"
        assert health(port=server.port) == (0, f"{at} /health/ready says 200.\n")
        server.process.send_signal(signal.SIGTERM)
        assert within(20, lambda: is_unready(server))
        assert health(port=server.port) == (1, f"{at} /health/ready says 503.\n")
        assert health("--live", port=server.port) == (0, f"{at} /health/live says 200.\n")
        server.process.send_signal(signal.SIGKILL)


def test_a_bank_that_is_not_there_or_speaks_no_http_is_not_healthy():
    port = free_port()
    assert health(port=port) == (1, f"127.0.0.1:{port} does not answer.\n")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        asked = subprocess.Popen(
            [ACCOUNTS, "health", "--port", str(port)], stdout=subprocess.PIPE, text=True
        )
        connection, _ = mute.accept()
        connection.sendall(b"220 mail\r\n")
        connection.close()
        assert asked.communicate(timeout=20)[0] == f"127.0.0.1:{port} does not answer.\n"
        assert asked.returncode == 1


def test_a_worker_that_is_told_to_end_while_it_starts_ends():
    with served("--workers", "2", **SQLITE) as server:
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        assert within(20, lambda: set(server.workers()) - set(before))
        assert server.stop() == 0
