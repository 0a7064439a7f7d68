"""Logs on their way to LogScale: real lines, a real shipper, a receiver that goes away."""

import json
import os
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.ports import free_port
from tests.programs import program
from tests.system.servers import ACCOUNTS, ROOT, Server, served
from tests.system.test_logging import flushed
from tests.waiting import within

FOLDER = ROOT / "deploy/logscale"
TOKENS = {"LOGSCALE_TOKEN": "token-application", "LOGSCALE_AUDIT_TOKEN": "token-audit"}
ARRIVES_WITHIN_S = 60
SETTINGS: dict[str, Any] = {
    "ACCOUNTS_STORE_URL": "sqlite:///bank.db",
    "ACCOUNTS_LOG_FILE": "app.log",
    "ACCOUNTS_LOG_FILE_MAX_BYTES": "60000",
}
PATH = "/api/v1/ingest/hec/raw"


class LogScale:
    """LogScale's HEC endpoint, as far as a shipper sees it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.busy = False
        self.refused: set[str] = set()
        self.lines: dict[str, list[str]] = defaultdict(list)

    @contextmanager
    def there(self) -> Iterator[None]:
        """Listen until the end of the block."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert self.path == PATH
                token = self.headers["Authorization"].removeprefix("Bearer ")
                if receiver.busy:
                    receiver.refused.add(token)
                else:
                    receiver.lines[token] += body.splitlines()
                self.send_response(503 if receiver.busy else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                """Say nothing."""

        return Handler


@contextmanager
def shipping(receiver: LogScale) -> Iterator[subprocess.Popen[bytes]]:
    """Run syslog-ng with our configuration until the end of the block."""
    Path("buffer").mkdir(exist_ok=True)
    places = {"LOGS": str(Path.cwd()), "BUFFER": str(Path.cwd() / "buffer")}
    state = [f"--{name}=buffer/{name}" for name in ("persist-file", "control", "pidfile")]
    command = [program("syslog-ng", package="syslog-ng-core"), "--foreground", "--no-caps"]
    process = subprocess.Popen(
        [*command, "--cfgfile", FOLDER / "syslog-ng.conf", *state],
        env=os.environ | TOKENS | places | {"LOGSCALE_URL": f"http://127.0.0.1:{receiver.port}"},
    )
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(30) == 0


def written(name: str) -> list[str]:
    """Give the lines of a log with its rotated parts, the oldest first."""
    rotated = [path for path in Path().glob(f"{name}.*") if path.suffix[1:].isdigit()]
    parts = [*sorted(rotated, key=lambda path: -int(path.suffix[1:])), Path(name)]
    return [line for part in parts for line in part.read_text().splitlines()]


def paid(server: Server, token: str, account: str, count: int) -> None:
    cash = {"account": account, "amount_minor": 1, "currency": "EUR"}
    for _ in range(count):
        assert server.ask("POST", "/v1/deposits", cash, token)[0] == 201


def rotated_by_renaming(name: str) -> None:
    Path(name).rename(f"{name}.1")


def test_every_line_of_both_logs_arrives_once_and_as_it_was_written():
    """Across a rotation of each, a receiver that is away, one that is busy, a restart of both."""
    receiver = LogScale()
    with served(**SETTINGS) as server:
        token = server.joined("ada")
        account = server.opened(token)
        # What is rotated while no shipper reads it is not found by one: deploy/README.md.
        with shipping(receiver) as shipper:
            with receiver.there():
                paid(server, token, account, 40)
                assert within(ARRIVES_WITHIN_S, lambda: are_there(receiver))
            paid(server, token, account, 40)  # nobody takes them
            rotated_by_renaming("audit.log")
            paid(server, token, account, 40)
            assert within(ARRIVES_WITHIN_S, lambda: are_read(shipper))
        paid(server, token, account, 40)  # nobody sends them
        receiver.busy = True
        with receiver.there(), shipping(receiver):
            assert within(ARRIVES_WITHIN_S, lambda: receiver.refused == set(TOKENS.values()))
            paid(server, token, account, 40)
            receiver.busy = False
            paid(server, token, account, 40)
            assert server.stop() == 0
            assert within(ARRIVES_WITHIN_S, lambda: are_there(receiver))
            time.sleep(1.5)  # whatever would come twice
    assert len(list(Path().glob("app.log.*"))) == 1  # it was rotated by itself
    assert receiver.lines["token-application"] == written("app.log")
    assert receiver.lines["token-audit"] == written("audit.log")
    is_whole_where_it_arrived(receiver.lines["token-audit"])


def are_there(receiver: LogScale) -> bool:
    """Tell whether as many lines arrived as were written."""
    logs = {"token-application": "app.log", "token-audit": "audit.log"}
    return all(len(receiver.lines[token]) == len(written(log)) for token, log in logs.items())


def are_read(shipper: subprocess.Popen[bytes]) -> bool:
    """Tell whether the shipper has read both logs to their ends (proc(5), fdinfo)."""
    places = {}
    for each in Path(f"/proc/{shipper.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            places[each.readlink().name] = each.parent.with_name("fdinfo") / each.name
    return all(
        log in places and int(places[log].read_text().split()[1]) == Path(log).stat().st_size
        for log in ("app.log", "audit.log")
    )


def is_whole_where_it_arrived(lines: list[str]) -> None:
    """Prove the audit log that arrived, with the head and the key of the written one."""
    Path("arrived").mkdir()
    Path("arrived/audit.log").write_text("".join(f"{line}\n" for line in lines))
    for name in ("audit.log.head", "audit.log.key"):
        Path("arrived", name).write_bytes(Path(name).read_bytes())
    proven = subprocess.run([ACCOUNTS, "audit", "verify", "arrived/audit.log"], check=False)
    assert proven.returncode == 0


@pytest.fixture(scope="module")
def searches() -> dict[str, list[dict[str, Any]]]:
    return dict(YAML(typ="safe").load(FOLDER / "searches.yaml"))


def test_the_searches_ask_for_fields_that_the_logs_have(searches, http):
    ada = http.joined("ada")
    ada.opened(5)
    http("POST", "/v1/auth/login", {"username": "ada", "password": "a wrong one"})
    http.app.extensions["accounts"].audit.seal()
    fields = {
        "accounts": {"level"} | keys_of("app.log"),
        "accounts-audit": keys_of("audit.log"),
    }
    for search in [*searches["savedQueries"], *searches["aggregateAlerts"]]:
        asked = set(re.findall(r"\b(\w+)(?:!?=|>=|<)(?!=)", search["queryString"]))
        grouped = re.findall(r"(?:groupBy|table)\(\[?([\w@, ]+)", search["queryString"])
        asked |= {each.strip(" @") for part in grouped for each in part.split(",")}
        made = set(re.findall(r"as=(\w+)", search["queryString"])) | MADE
        assert asked - made <= fields[search["repository"]], search["name"]


MADE = {"function", "as", "order", "distinct", "percentiles", "missing", "lines"}


def keys_of(name: str) -> set[str]:
    return {key.removeprefix("@") for line in flushed(name) for key in line}


@pytest.mark.parametrize("name", ["accounts", "accounts-audit"])
def test_a_parser_is_made_for_lines_of_the_shape_that_is_written(name):
    parser = YAML(typ="safe").load(FOLDER / f"parser-{name}.yaml")
    (case,) = parser["testCases"]
    line = json.loads(case["event"]["rawString"])
    assert re.fullmatch(r"[\d-]+T[\d:]+\.\d{6}Z", line["@timestamp"])
    assert parser["script"].index("parseJson()") < parser["script"].index("parseTimestamp")


@pytest.mark.parametrize("name", ["syslog-ng.conf", "vector.yaml", "fluent-bit.yaml"])
def test_each_shipper_keeps_the_two_logs_apart(name):
    text = (FOLDER / name).read_text()
    for each in ("app.log", "audit.log", "LOGSCALE_TOKEN", "LOGSCALE_AUDIT_TOKEN"):
        assert each in text
