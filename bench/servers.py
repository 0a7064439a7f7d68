"""Compare servers for `accounts serve`: throughput, p99, requests lost at SIGTERM, slow clients."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.error import URLError

from bench.load import Load, Running, load, post, running

SERVERS = [("ours", 4), ("granian", 4), ("granian", 16), ("gunicorn", 4), ("gunicorn", 16)]
SLOW = 200
CLIENTS = 8


def run() -> None:
    print(
        "server, threads       bare/s  transfers/s  p99 ms   lost at SIGTERM   with slow clients/s"
    )
    for server, threads in SERVERS:
        with running(server, "bare", threads) as bare:
            load(bare, 1)
            bare_load = load(bare, 4)
        with running(server, "bank", threads) as bank:
            load(bank, 1)
            bank_load = load(bank, 4)
        with running(server, "bank", threads) as bank:
            slow = _with_slow_clients(bank)
        with running(server, "bank", threads) as bank:
            lost = _lost_at_sigterm(bank)
        row = f"{server + ', ' + str(threads):20}  {bare_load.per_s:6.0f}  {bank_load.per_s:11.0f}"
        print(f"{row}  {bank_load.p99_ms:6.1f}   {lost:15}   {_row(slow)}", flush=True)


def _row(slow: Load) -> str:
    return f"{slow.per_s:19.0f}" + (f", {slow.failures} failed" if slow.failures else "")


def _with_slow_clients(bank: Running) -> Load:
    host, _, port = bank.url.removeprefix("http://").partition(":")
    head = b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        for _ in range(SLOW):
            client = stack.enter_context(socket.create_connection((host, int(port))))
            client.sendall(head + b"Content-Length: 100\r\n\r\n{")
        return load(bank, 4)


def _lost_at_sigterm(bank: Running) -> str:
    """Count requests that were sent and got no answer, without refused connections."""

    def pay(_: int) -> tuple[int, int]:
        done = 0
        while True:
            try:
                post(f"{bank.url}/v1/transfers", bank.body, bank.token)
            except URLError as error:
                return done, int(not isinstance(error.reason, ConnectionRefusedError))
            except OSError:
                return done, 1
            done += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        futures = [pool.submit(pay, number) for number in range(CLIENTS)]
        time.sleep(1)
        bank.process.send_signal(signal.SIGTERM)
        results = [future.result() for future in futures]
    return f"{sum(lost for _, lost in results)} of {sum(done for done, _ in results)}"
