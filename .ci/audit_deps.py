"""Look up everything that is pinned in an advisory database: 1 where a vulnerability is known, 69 where none answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PIP_AUDIT = Path(sys.executable).parent / "pip-audit"


def main() -> int:
    """Audit file by file, and print what is known and what was not looked up."""
    audited = known = 0
    skipped: list[str] = []
    for path in [ROOT / "constraints.txt", *sorted(ROOT.glob(".ci/constraints/*.txt"))]:
        for package in audit(path):
            if (
                "vulns" not in package
            ):  # one that the database does not know is not one without vulnerabilities
                skipped.append(package["name"])
                continue
            audited += 1
            for vulnerability in package["vulns"]:
                known += 1
                fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
                print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    if not audited:
        print("no advisory database can be reached from here: nothing was audited", file=sys.stderr)
        return 69
    if skipped:
        print(f"the database does not know {', '.join(skipped)}: not audited", file=sys.stderr)
    print(f"{audited} pinned packages audited, {known} known vulnerabilities")
    return 1 if known else 0


def audit(path: Path) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package that a file pins; none where it cannot say anything."""
    # The file is complete, so nothing has to be resolved.
    line = [
        PIP_AUDIT,
        "--progress-spinner",
        "off",
        "--disable-pip",
        "--format",
        "json",
        "--requirement",
        path,
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if not done.stdout:
        print(
            f"{path.name}: {(done.stderr.strip().splitlines() or ['pip-audit says nothing'])[-1]}",
            file=sys.stderr,
        )
        return []
    packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return packages


if __name__ == "__main__":
    sys.exit(main())
