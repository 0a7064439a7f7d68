"""A client in TypeScript, generated from /openapi.json, compiles and runs a whole flow.

Its `switch` over the codes of a transfer is exhaustive, so a new code stops the compilation.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.programs import program
from tests.system.servers import served

SOURCE = Path(__file__).with_name("typescript")
OPTIONS = ("--strict", "--module", "nodenext", "--target", "es2022", "--skipLibCheck")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def ran(*command: str) -> str:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path) -> Path:
    """Return a project with its packages installed."""
    npm = program("npm")
    program("node", package="nodejs")
    for name in ("package.json", "flow.ts"):
        shutil.copy(SOURCE / name, tmp_path / name)
    ran(npm, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")
    return tmp_path


def test_a_generated_client_compiles_and_pays(project):
    with served() as server:
        base = f"http://127.0.0.1:{server.port}"
        ran("npx", "openapi-typescript", f"{base}/openapi.json", "-o", "schema.d.ts")
        ran("npx", "tsc", *OPTIONS, "flow.ts")
        assert "the whole flow is done" in ran("node", "flow.js", base)
    flow = (project / "flow.ts").read_text()
    (project / "flow.ts").write_text(flow.replace('    case "same_account":\n', ""))
    forgotten = run("npx", "tsc", "--noEmit", *OPTIONS, "flow.ts")
    assert forgotten.returncode != 0
    assert "same_account" in forgotten.stdout
