"""The pinned requirements match pyproject.toml; `make requirements` pins anew.

No network is needed: the comment of each pin names the package that requires it.
"""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
IMAGE = "deploy/requirements.txt"  # what the image runs on: every extra is in it
GROUPS = {
    "requirements.txt": ["build"],
    IMAGE: ["build"],
    "requirements-dev.txt": ["build", "dev"],
}
STALE = "out of date: run `make requirements`"
US = re.compile(r"accounts-bank \(pyproject\.toml(:\w+)?\)")

each_file = pytest.mark.parametrize("file", GROUPS)


class Pin(NamedTuple):
    what: Requirement
    hashes: list[str]
    asked_for_by: list[str]

    @property
    def asked_for_by_us(self) -> bool:
        return any(US.fullmatch(each) for each in self.asked_for_by)

    @property
    def name(self) -> str:
        return canonicalize_name(self.what.name)

    def grants(self, wish: Requirement) -> bool:
        version = str(self.what.specifier).removeprefix("==")
        return wish.extras <= self.what.extras and wish.specifier.contains(version)


def pins(file: str) -> list[Pin]:
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks = re.findall(r"^\w.*\n(?:^ +.*\n)*", text, re.MULTILINE)
    return [pin(block) for block in blocks]


def pin(block: str) -> Pin:
    what = block.splitlines()[0].removesuffix("\\")
    hashes = re.findall(r"--hash=(sha256:[0-9a-f]{64})", block)
    askers = re.findall(r"^ +# +(?:via +)?(\S.*)$", block, re.MULTILINE)
    return Pin(Requirement(what), hashes, askers)


def wishes(file: str) -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [project["dependency-groups"][group] for group in GROUPS[file]]
    extras = project["project"]["optional-dependencies"].values() if file == IMAGE else []
    parts = [project["project"]["dependencies"], *groups, *extras]
    listed = [Requirement(text) for part in parts for text in part]
    return {canonicalize_name(each.name): each for each in listed}


@each_file
def test_the_pinned_packages_are_the_required_ones(file):
    assert {pin.name for pin in pins(file) if pin.asked_for_by_us} == set(wishes(file)), STALE


@each_file
def test_every_pin_is_a_version_that_the_project_takes(file):
    taken = wishes(file)
    for pin in pins(file):
        assert pin.name not in taken or pin.grants(taken[pin.name]), STALE


@each_file
def test_every_pin_is_needed(file):
    needed: set[str] = set()
    while True:
        reached = {
            pin.name
            for pin in pins(file)
            if pin.asked_for_by_us or needed.intersection(pin.asked_for_by)
        }
        if reached == needed:
            break
        needed = reached
    assert {pin.name for pin in pins(file)} == needed


@each_file
def test_every_pin_is_one_version_with_its_hashes(file):
    for pin in pins(file):
        assert re.fullmatch(r"==[\w.]+", str(pin.what.specifier)), pin.what
        assert pin.hashes, pin.what


@pytest.mark.parametrize("file", ["requirements.txt", IMAGE])
def test_checks_run_on_the_versions_that_the_bank_runs_on(file):
    development = {str(pin.what): pin.hashes for pin in pins("requirements-dev.txt")}
    for pin in pins(file):
        what, everywhere = str(pin.what), str(pin.what).partition(";")[0]
        assert development.get(what, development.get(everywhere)) == pin.hashes, STALE


@each_file
def test_no_address_and_no_option_stands_in_a_file(file):
    """The source of packages is the choice of the person that installs them."""
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        assert not line.startswith("-"), line
        assert "://" not in line, line
        assert " @ " not in line, line
