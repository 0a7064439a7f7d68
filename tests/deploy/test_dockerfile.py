"""The Dockerfile as a text; tests/image builds and runs it."""

import subprocess
import sys
from pathlib import Path

from tests.system.servers import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")


def test_hadolint_finds_nothing():
    found = subprocess.run(
        [HADOLINT, ROOT / "deploy/Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_nothing_goes_into_the_image_that_is_not_named():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    named = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        part
        for line in (ROOT / "deploy/Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for part in line.split()[1:-1]
    }
    assert named == copied
