"""The wheel: its contents, and a bank served from it beside somebody's own project."""

import re
import subprocess
import sys
import sysconfig
from http.client import HTTPConnection
from pathlib import Path
from shutil import copy, copytree
from zipfile import ZipFile

import pytest

from tests.gates.test_root_names import ROOT
from tests.system.servers import served

PAGES = ("/sign-in", "/sign-up", "/docs", "/openapi.json")
NAMED_FILE = r'(?:src|href)="(/[^"#?]+\.[a-z0-9]+)'
BUILD = "from setuptools.build_meta import build_wheel; build_wheel('dist')"


def package_files() -> set[str]:
    """Give the files of the package that belong into the wheel."""
    files = [path for path in (ROOT / "accounts_bank").rglob("*") if path.is_file()]
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel from a copy: the build writes into its folder."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE", "app.py"):
        copy(ROOT / name, folder)
    for name in ("accounts_bank", "bench", "tests"):
        copytree(ROOT / name, folder / name)
    command = [sys.executable, "-c", BUILD]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Install the wheel beside its dependencies; return the folder of its commands."""
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    places = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", "venv", places))
    # Python runs no .pth files of this folder, so the editable install in it stays unseen.
    (site / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--force-reinstall", wheel], check=True)
    return home / "bin"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Make the current folder a project with packages that have our names."""
    for name in ("accounts", "app"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"THEIRS = {name!r}\n")
    (tmp_path / "config.py").write_text("raise RuntimeError('hostile')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_wheel_holds_the_package_alone(wheel):
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        top = {name.partition("/")[0] for name in names}
        info = next(name for name in top if name.endswith(".dist-info"))
        metadata = archive.read(f"{info}/METADATA").decode()
    assert top == {"accounts_bank", info}
    assert {name for name in names if name.startswith("accounts_bank/")} == package_files()
    assert {"accounts_bank/py.typed", "accounts_bank/__main__.py"} <= names
    assert f"{info}/licenses/LICENSE" in names
    assert "License-Expression: Apache-2.0" in metadata


def test_it_runs_beside_packages_of_the_same_names(installed, project):
    code = (
        "import accounts, app, accounts_bank.app, accounts_bank as ours\n"
        "print(accounts.THEIRS, app.THEIRS, accounts_bank.app.create_app.__name__, ours.__file__)"
    )
    done = subprocess.run(
        [installed / "python", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *names, file = done.stdout.split()
    assert names == ["accounts", "app", "create_app"]
    assert Path(file).is_relative_to(installed.parent)


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_demo_serves_all_pages(installed, request, is_empty):
    if not is_empty:
        request.getfixturevalue("project")
    with served("--workers", "1", command="demo", program=(installed / "accounts",)) as server:
        assert get(server.port, "/")[:2] == (303, "/overview")
        pages = [get(server.port, path) for path in PAGES]
        assert [code for code, _, _ in pages] == [200] * len(PAGES)
        files = {path for _, _, text in pages for path in re.findall(NAMED_FILE, text)}
        assert {path.rpartition(".")[2] for path in files} >= {"css", "js"}
        assert {path for path in files if get(server.port, path)[0] != 200} == set()


def get(port: int, path: str) -> tuple[int, str | None, str]:
    """Get a page; return its status, its Location and its text."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Location"], answer.read().decode("utf-8", "replace")
    finally:
        connection.close()
