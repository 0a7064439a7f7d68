"""The supply chain: known vulnerabilities fail, and the bill of materials is whole."""

import json
import re
import subprocess
import sys

import pytest

from tests.gates.test_root_names import ROOT

GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.0"]}]}
SKIPPED = {"name": "click", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "sentence"),
    [
        ([GOOD], 0, "No known vulnerability in 1 packages."),
        ([GOOD, BAD], 1, "jinja2 2.0: PYSEC-1, fixed in ['3.0']"),
        ([GOOD, SKIPPED], 1, "click: the advisory service does not know it"),
        ([SKIPPED], 0, "NOT AUDITED: the advisory service does not answer from here."),
        (None, 0, "NOT AUDITED: the advisory service does not answer from here."),
    ],
)
def test_a_known_vulnerability_fails_and_an_unreached_service_is_named(packages, code, sentence):
    report = "" if packages is None else json.dumps({"dependencies": packages})
    command = [sys.executable, str(ROOT / ".ci" / "audit.py")]
    done = subprocess.run(command, input=report, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, f"{sentence}\n")


def test_the_bill_of_materials_has_every_package_with_its_hashes():
    subprocess.run(["make", "--silent", "sbom"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    bill = json.loads((ROOT / "build" / "sbom.cdx.json").read_text())
    requirements = (ROOT / "deploy" / "requirements.txt").read_text()
    pinned = re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", requirements, re.MULTILINE)
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "accounts-bank"
    assert {(each["name"], each["version"]) for each in bill["components"]} == set(pinned)
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
