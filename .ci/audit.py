"""Judge the findings of pip-audit: `pip-audit --format json ... | python .ci/audit.py`.

Exit code 1 where a package has a known vulnerability, or was left out while others were not. Where
the advisory service cannot be reached at all, nothing is known: that is said, and is no failure.
"""

import json
import sys
from typing import Any


def verdict(report: str) -> tuple[int, str]:
    """Give an exit code and a sentence."""
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"] if report.strip() else []
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if len(skipped) == len(packages):
        return 0, "NOT AUDITED: the advisory service does not answer from here."
    found = [
        f"{each['name']} {each['version']}: {fault['id']}, fixed in {fault['fix_versions']}"
        for each in packages
        for fault in each.get("vulns", ())
    ]
    found += [f"{name}: the advisory service does not know it" for name in skipped]
    if found:
        return 1, "\n".join(found)
    return 0, f"No known vulnerability in {len(packages)} packages."


def main() -> None:
    """Read a report and print its meaning."""
    code, sentence = verdict(sys.stdin.read())
    print(sentence)  # noqa: T201 - its purpose
    sys.exit(code)


if __name__ == "__main__":
    main()
