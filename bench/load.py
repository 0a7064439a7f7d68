"""Start a candidate, put a bank in it, and load it with wrk."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

CONNECTIONS = 64
ROOT = Path(__file__).parent.parent

_SCRIPT = """
local requests = {}
function init(args)
  math.randomseed(1)
  for line in io.lines(args[1]) do
    local method, path, token, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
    local headers = { ["Content-Type"] = "application/json" }
    headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
end
function request() return requests[math.random(#requests)] end
"""


class Call(NamedTuple):
    """One request."""

    method: str
    path: str
    token: str
    body: dict[str, Any] | None = None

    def __str__(self) -> str:
        body = json.dumps(self.body) if self.body else ""
        return f"{self.method}\t{self.path}\t{self.token}\t{body}"


class Load(NamedTuple):
    """A result of wrk; `failures` counts socket errors and answers outside 2xx and 3xx."""

    per_s: float
    p50_ms: float
    p99_ms: float
    failures: int


class Running(NamedTuple):
    """A server that answers, and the token and body of its default request."""

    process: subprocess.Popen[bytes]
    url: str
    token: str
    body: dict[str, Any]


ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "ACCOUNTS_LOG_FILE": "app.log",
    "ACCOUNTS_RATE_LIMIT": "1000000000 per minute",
    "ACCOUNTS_SIGN_UP_RATE_LIMIT": "",
}
"""A quota is counted, as it is by default, but the one customer of a bench never uses it up."""


@contextmanager
def running(
    server: str,
    app: str,
    threads: int = 16,
    environment: Mapping[str, str] = MappingProxyType({}),
    *,
    is_filled: bool = False,
) -> Iterator[Running]:
    """Start a server of `bench.candidate`; add a customer unless its bank is filled."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.candidate", server, app, str(port), str(threads)],
            cwd=folder,
            env=os.environ | ENVIRONMENT | dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _await(url)
            is_new = app == "bank" and not is_filled
            token, body = _bank(url) if is_new else ("", {"amount_minor": 1})
            yield Running(process, url, token, body)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def load(
    server: Running,
    seconds: int,
    connections: int = CONNECTIONS,
    *,
    path: str = "/v1/transfers",
    bodies: Sequence[dict[str, Any]] = (),
) -> Load:
    """Load a path with random bodies; return the result of wrk."""
    calls = [Call("POST", path, server.token, body) for body in bodies or [server.body]]
    return load_calls(server, calls, seconds, connections)


def load_calls(server: Running, calls: Sequence[Call], seconds: int, connections: int) -> Load:
    """Load a server with random requests; return the result of wrk."""
    if shutil.which("wrk") is None:
        sys.exit("This benchmark needs wrk: `apt-get install wrk`, or `brew install wrk`.")
    with tempfile.TemporaryDirectory() as folder:
        script, requests = Path(folder) / "script.lua", Path(folder) / "requests"
        script.write_text(_SCRIPT)
        requests.write_text("\n".join(map(str, calls)))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency"]
        command += ["-s", str(script), server.url, "--", str(requests)]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Load(
        _per_s(report), _percentile_ms(report, 50), _percentile_ms(report, 99), _failures(report)
    )


def open_accounts(server: Running, count: int, balance_minor: int = 10**12) -> list[str]:
    """Open accounts with a balance; return their ids."""
    body, ids = {"name": "Main", "currency": "EUR"}, []
    for _ in range(count):
        ids.append(post(f"{server.url}/v1/accounts", body, server.token)["id"])
        cash = {"account": ids[-1], "amount_minor": balance_minor, "currency": "EUR"}
        post(f"{server.url}/v1/deposits", cash, server.token)
    return ids


def post(url: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - a server of ours
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        return dict(json.load(answer))


def _bank(url: str) -> tuple[str, dict[str, Any]]:
    """Create a customer with two accounts and much money; return its token and a transfer."""
    ada = {"username": "ada", "password": "correct horse"}
    post(f"{url}/v1/users", ada)
    token = post(f"{url}/v1/auth/login", ada)["access_token"]
    account = {"name": "Main", "currency": "EUR"}
    payer, payee = (post(f"{url}/v1/accounts", account, token)["id"] for _ in range(2))
    cash = {"account": payer, "amount_minor": 10**12, "currency": "EUR"}
    post(f"{url}/v1/deposits", cash, token)
    return token, {
        "from_account": payer,
        "to_account": payee,
        "amount_minor": 1,
        "currency": "EUR",
    }


def _await(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    for _ in range(200):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("the server does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _per_s(report: str) -> float:
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", report)[0])


def _percentile_ms(report: str, percent: int) -> float:
    number, unit = re.findall(rf"{percent}%\s+([\d.]+)(us|ms|s)", report)[0]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _failures(report: str) -> int:
    found = re.findall(r"Non-2xx or 3xx responses: (\d+)", report)
    found += re.findall(r"Socket errors: .*", report)
    return sum(int(number) for each in found for number in re.findall(r"\d+", each))
