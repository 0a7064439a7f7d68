"""Programs beside Python. `.ci/run` installs them; a machine that lacks one skips its tests."""

import os
import shutil

import pytest

SYSTEM_FOLDERS = os.environ.get("SYSTEM_FOLDERS", "/usr/sbin:/sbin")  # often missing from PATH


def program(name: str, *, package: str = "") -> str:
    """Return the path of a program, or skip the test with a line that names it.

    With CI set in the environment a missing program is a failure.
    """
    found = shutil.which(name, path=f"{os.environ['PATH']}:{SYSTEM_FOLDERS}")
    if found:
        return found
    sentence = f"{name} is not here: install Debian's {package or name}."
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def browser() -> str:
    """Return the path of Chromium: its headless build takes half the processor time."""
    found = shutil.which("chromium-headless-shell")
    return found or program("chromium")
