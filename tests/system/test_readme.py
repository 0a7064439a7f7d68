"""The README and docs/: each block works when it is pasted, and each list is complete."""

import json
import re
import subprocess

import pytest

from accounts_bank.cli import main
from accounts_bank.config import Settings
from tests.gates.test_root_names import ROOT
from tests.programs import program
from tests.system.servers import served

pytestmark = pytest.mark.real_start

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs/api.md").read_text()
SETTINGS = (ROOT / "docs/settings.md").read_text()
SANDBOX = (ROOT / "docs/sandbox.md").read_text()
COMMANDS = (ROOT / "docs/commands.md").read_text()
ROUTES = API + (ROOT / "docs/pages.md").read_text()


def pasted(port: int, page: str = API) -> list[str]:
    """Paste each block for a shell in turn; return the output of each."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    script = "\necho; echo '-- next --'\n".join(blocks)
    program("curl")
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("localhost:5000", f"localhost:{port}")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split("-- next --")


def test_the_walk_through_the_bank_works_when_it_is_pasted():
    with served() as server:
        _, joined, opened, paid, lines = pasted(server.port)
    assert json.loads(joined)["username"] == "ada"
    assert json.loads(opened)["balance_minor"] == 10_000
    first, second, balance_minor = (
        paid.strip().replace("}{", "}\n{").replace("}75", "}\n75").split()
    )
    assert json.loads(first) == json.loads(second)
    assert json.loads(first)["from_balance_minor"] == int(balance_minor) == 7_500
    assert [line["amount_minor"] for line in json.loads(lines)["data"]] == [-2_500, 10_000]


def test_the_walk_through_the_sandbox_works_when_it_is_pasted():
    program("jq")
    with served(command="sandbox") as server:
        url, moved, paid, restored = pasted(server.port, SANDBOX)
    assert "/banks/" in url
    assert '"kind":"schedule"' in moved
    assert '"status":"recorded"' in moved
    assert "curl ended with 52" in paid
    assert '"from_balance_minor":38500' in paid
    assert '"now":"2026-02-28T09:00:00Z"' in restored
    assert '"digest":' in restored


def test_every_setting_is_explained():
    assert {name for name in Settings.__struct_fields__ if f"`{name}`" not in SETTINGS} == set()


def test_every_command_is_named():
    names = {f"accounts {name}" for name in main.commands} - {"accounts users", "accounts audit"}
    for name in [*names, "accounts users create", "accounts audit verify", "flask run"]:
        assert f"`{name}" in COMMANDS


def test_every_route_is_named(app):
    for rule in app.url_map.iter_rules():
        last = rule.rule.split("/")[-1]
        if not last.startswith("<"):
            assert f"/{last}" in ROUTES, rule.rule


@pytest.mark.parametrize("target", ["run", "test", "bench"])
def test_the_commands_of_make_are_there(target):
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_points_at_is_there(page):
    for path in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / path).exists(), path
