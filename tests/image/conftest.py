"""An image made from deploy/Dockerfile, without a registry and without an engine that runs.

The base is a stand-in: Debian with Debian's own Python, under the name of the real one. Containers
have the host's network, so that they can be asked, and a port of their own.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.image.podman import BASE, Podman
from tests.programs import program
from tests.system.servers import ROOT

BUILD = ROOT / "build"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@pytest.fixture(scope="session")
def base() -> Path:
    """Make the stand-in for the base image; it is kept for the next time."""
    tar = BUILD / "base.tar"
    if not tar.exists():
        as_python = 'ln -sf /usr/bin/python3 "$1/usr/local/bin/python"'
        options = ["--quiet", "--variant=apt", f"--customize-hook={as_python}"]
        options.append("--include=python3,python3-venv,ca-certificates")
        part = BUILD / "part.tar"  # by its ending mmdebstrap knows what to make
        subprocess.run([program("mmdebstrap"), *options, "bookworm", str(part)], check=True)
        part.rename(tar)
    return tar


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Keep images and containers in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="podman-"))
    settings = folder / "containers.conf"
    settings.write_text(CONTAINERS_CONF)
    os.environ |= {"CONTAINERS_CONF": str(settings), "DISABLE_HC_SYSTEMD": "true"}
    run = Podman(program("podman"), folder)
    yield run
    run("rm", "--all", "--force", "--time", "0")
    run("rmi", "--all", "--force")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def build(podman, base) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that builds a folder."""
    (BUILD / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    podman("import", "--quiet", "--change", f"ENV PATH={PATH}", str(base), BASE)

    def built(context: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return podman.tried(
            *("build", "--quiet", "--pull=never", "--network", "none", "--format", "docker"),
            *("--file", f"{context}/deploy/Dockerfile", "--volume", f"{BUILD}/wheels:/wheels:ro"),
            *("--volume", f"{BUILD}/pip.conf:/etc/pip.conf:ro", *options, str(context)),
        )

    return built


@pytest.fixture(scope="session")
def image(build) -> str:
    """Build the image."""
    done = build(ROOT, "--tag", "accounts:test")
    assert done.returncode == 0, done.stderr
    return "accounts:test"
