"""Programs that stand beside Python: .ci/run installs them, here they are found."""

import os
import shutil

import pytest

SYSTEM_FOLDERS = "/usr/sbin:/sbin"  # not on everybody's PATH


def program(name: str, *, package: str = "") -> str:
    """Find a program. Where it is missing CI fails, and whoever tests elsewhere is told."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:{SYSTEM_FOLDERS}")
    if found:
        return found
    sentence = f"{name} is not here: install Debian's {package or name}."
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)
