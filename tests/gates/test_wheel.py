"""The wheel carries the package, its files and the licence, and nothing else."""

import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
NO_CACHES = shutil.ignore_patterns("__pycache__")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> ZipFile:
    """Build in a copy, so that modules of an earlier build cannot come along."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "accounts_bank", source / "accounts_bank", ignore=NO_CACHES)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [
        str(Path(sys.executable).with_name("uv")),
        "build",
        "--quiet",
        "--wheel",
        "--offline",
    ]
    options = ["--no-build-isolation", "--python", sys.executable, "--out-dir", str(folder)]
    subprocess.run([*command, *options, str(source)], check=True)
    (file,) = folder.glob("*.whl")
    return ZipFile(file)


def test_the_wheel_has_one_package_and_its_metadata(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {"accounts_bank", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_wheel_carries_the_licence_and_its_name(wheel):
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    fields = message_from_bytes(wheel.read(metadata))
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields["Author"] == "The Accounts authors"
    (licence,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_wheel_carries_each_file_of_the_package(wheel):
    files = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("accounts_bank/**/*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert files - set(wheel.namelist()) == set()
