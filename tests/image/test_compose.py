"""The bank in a container of its own, as deploy/compose/bank.yaml has it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.image.podman import awaited
from tests.ports import free_port
from tests.system.servers import ROOT, Server

COMPOSE = Path(sys.executable).with_name("podman-compose")


def test_a_deposit_survives_compose_down_and_up(podman, image, tmp_path):
    wrapper = tmp_path / "podman"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(podman.command)} "$@"\n')
    wrapper.chmod(0o755)
    podman("tag", image, "accounts:latest")
    server = Server(None, free_port())

    def compose(*arguments: str) -> None:
        file = str(ROOT / "deploy/compose/bank.yaml")
        done = subprocess.run(
            [COMPOSE, "--podman-path", wrapper, "--file", file, *arguments],
            env=os.environ | {"PORT": str(server.port)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        compose("up", "--detach", "--no-build")
        awaited(server)
        token = server.joined("ada")
        account = server.opened(token, 100)
        compose("down")
        compose("up", "--detach", "--no-build")
        awaited(server)
        assert server.ask("GET", f"/v1/accounts/{account}", token=token)[1]["balance_minor"] == 100
    finally:
        compose("down", "--volumes")
