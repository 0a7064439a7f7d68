"""Each file that the project's own settings, scripts and pages name exists."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
SCRIPTS = ("Makefile", ".ci/run", ".github/workflows/ci.yml", ".pre-commit-config.yaml")

CODE = ("accounts_bank", "bench", "examples", "tests", ".ci")
FOLDERS = r"(?:accounts_bank|bench|deploy|docs|tests|\.ci)"
PATH = re.compile(rf"(?<![\w/.]){FOLDERS}/[\w./*-]*\w")
MODULE = re.compile(r"(?<![\w/])\w+\.py\b")
OLD_PACKAGE = re.compile(r"(?<![\w/.])accounts/(?:[a-z_]+/)*(?:[a-z_]+\.py|\s|`)")
PLACEHOLDER = re.compile(r"NAME")  # `accounts_bank/ledger/actions/NAME.py` in a how-to

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def paths(text: str) -> set[str]:
    """Return the paths below the project's folders that a text names."""
    return {path for path in PATH.findall(text) if not PLACEHOLDER.search(path)}


def missing(names: set[str]) -> list[str]:
    """Return the names or patterns that match no file of the project."""
    return sorted(name for name in names if not any(ROOT.glob(name.rstrip("/"))))


def named_by_pyproject() -> set[str]:
    project, tools = PYPROJECT["project"], PYPROJECT["tool"]
    patterns = {key.lstrip("!") for key in tools["ruff"]["lint"]["per-file-ignores"]}
    plain = {pattern for pattern in patterns if "{" not in pattern}
    return {
        project["readme"],
        *project["license-files"],
        *plain,
        *tools["pytest"]["testpaths"],
        *tools["coverage"]["run"]["source"],
        *tools["mutmut"]["source_paths"],
        *tools["mutmut"]["only_mutate"],
        *tools["mutmut"]["also_copy"],
        *tools["mutmut"]["pytest_add_cli_args_test_selection"],
    }


def test_pyproject_names_files_that_exist():
    assert missing(named_by_pyproject()) == []


def test_each_package_data_pattern_matches_a_file():
    for pattern in PYPROJECT["tool"]["setuptools"]["package-data"]["*"]:
        assert any(ROOT.glob(f"accounts_bank/**/{pattern}")), pattern


def test_each_command_leads_to_a_function():
    for target in PYPROJECT["project"]["scripts"].values():
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_names_files_that_exist(script):
    text = (ROOT / script).read_text(encoding="utf-8")
    assert missing(paths(text)) == []


def test_the_image_copies_files_that_exist():
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    lines = re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)
    assert lines
    copied = {name for line in lines for name in line.split()[:-1]}
    assert missing(copied) == []


def test_the_image_is_given_each_file_that_it_copies():
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    allowed = re.findall(r"^!(.*)$", ignore, re.MULTILINE)
    assert missing(set(allowed)) == []
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        assert set(line.split()[:-1]) <= set(allowed)


@each_page
def test_a_page_names_files_that_exist(page):
    text = page.read_text(encoding="utf-8")
    assert missing(paths(text)) == []


def text_of_today(page: Path) -> str:
    """Return a page without the table of old and new names in CONTRIBUTING.md."""
    return page.read_text(encoding="utf-8").partition("\n## Old and new names\n")[0]


@each_page
def test_a_page_names_modules_that_exist(page):
    modules = {file.name for file in ROOT.glob("*.py")}
    modules |= {file.name for folder in CODE for file in ROOT.glob(f"{folder}/**/*.py")}
    assert {name for name in MODULE.findall(text_of_today(page)) if name not in modules} == set()


@each_page
def test_a_page_names_no_path_of_the_old_package(page):
    assert OLD_PACKAGE.findall(text_of_today(page)) == []
