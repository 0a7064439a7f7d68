"""The image of deploy/Dockerfile: small rights, one process, an end in order."""

import json
import shutil
import socket
import time
from pathlib import Path

import pytest

from tests.system.servers import ROOT
from tests.waiting import within

STOP_TIMEOUT_S = 20
BODY = b'{"username": "ada", "password": "correct horse"}'


def test_the_image_says_how_it_is_run(podman, image):
    (said,) = json.loads(podman("inspect", image))
    settings = said["Config"]
    assert settings["User"] == "10001:10001"
    assert settings["Entrypoint"] == ["accounts"]  # no shell: the bank itself gets the signals
    assert settings["StopSignal"] == "SIGTERM"
    assert said["Healthcheck"]["Test"] == ["CMD", "accounts", "health", "--live"]
    assert not [each for each in settings["Env"] if "SECRET" in each or "PASSWORD" in each]


def test_a_bank_is_process_1_without_rights_and_writes_nowhere_but_its_folder(podman, image):
    with podman.running(image) as (name, _server):
        assert podman("exec", name, "id", "--user") == "10001"
        command = podman("exec", name, "cat", "/proc/1/cmdline").split("\0")
        assert command[1:4] == ["/opt/accounts/bin/accounts", "serve", "--host"]
        for path in ("/", "/etc", "/opt/accounts", "/opt/accounts/bin"):
            assert podman.tried("exec", name, "touch", f"{path}/x").returncode == 1, path
        podman("exec", name, "touch", "/data/x")
        for tool in ("pip", "curl", "gcc"):
            assert podman.tried("exec", name, "which", tool).returncode == 1, tool


def test_the_health_of_a_container_can_be_asked(podman, image):
    with podman.running(image) as (name, _server):
        podman("healthcheck", "run", name)


def test_a_stopped_container_answers_open_requests_and_ends_in_order(podman, image):
    with (
        podman.running(image) as (name, server),
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as begun,
    ):
        head = b"POST /v1/users HTTP/1.1\r\nHost: bank\r\nContent-Type: application/json\r\n"
        begun.sendall(head + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:10])
        podman("kill", "--signal", "TERM", name)
        # DRAIN_S is set in the image.
        assert within(2, lambda: server.ask("GET", "/health/ready")[0] == 503)
        begun.sendall(BODY[10:])
        assert begun.recv(65536).startswith(b"HTTP/1.1 201")
        began_s = time.monotonic()
        podman("stop", "--time", str(STOP_TIMEOUT_S), name)
        assert time.monotonic() - began_s < STOP_TIMEOUT_S
        assert podman("wait", name) == "0"


def test_the_next_container_finds_the_volume(podman, image):
    kept = ("--volume", "bank:/data", "--env", "ACCOUNTS_STORE_URL=sqlite:////data/bank.db")
    with podman.running(image, *kept) as (name, server):
        token = server.joined("ada")
        account = server.opened(token, 100)
        podman("stop", "--time", str(STOP_TIMEOUT_S), name)
    with podman.running(image, *kept) as (name, server):
        assert server.ask("GET", f"/v1/accounts/{account}", token=token)[1]["balance_minor"] == 100
        assert "The books are right." in podman("exec", name, "accounts", "verify")


@pytest.fixture
def context(tmp_path) -> Path:
    """Copy the build context of an image."""
    for name in ("pyproject.toml", "README.md", "LICENSE", ".dockerignore"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("accounts_bank", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_package_with_another_hash_stops_the_build(build, image, context):
    pinned = context / "deploy/requirements.txt"
    lines = pinned.read_text().splitlines()
    block = lines.index(next(line for line in lines if line.startswith("werkzeug==")))
    end = next(n for n in range(block, len(lines)) if lines[n].lstrip().startswith("# via"))
    pinned.write_text("\n".join([*lines[: block + 1], f"    --hash=sha256:{0:064}", *lines[end:]]))
    done = build(context, "--target", "build")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr + done.stdout
