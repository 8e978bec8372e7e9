"""What has been run in a folder, and how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segcore import errors
from segcore.storage import read_json

_HEAD = ("date", "run", "k", "segments", "customers", "verdict")


def list_runs(out: Path) -> list[str]:
    """Return a line for each finished run, the oldest first, below a line of headings.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    manifests = sorted(out.glob("runs/*/manifest.json"))
    if not manifests:
        raise errors.InputNotFoundError(
            f"{out}: no finished run; expected the --out of a run, with runs/ in it"
        )
    latest = out / "latest.json"
    named = Path(read_json(latest)["run"]).name if latest.is_file() else ""
    rows = [_HEAD, *(_row(path.parent.name, read_json(path), named) for path in manifests)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _row(name: str, about: dict[str, Any], latest: str) -> tuple[str, ...]:
    date = str(about["created_at"])[:16].replace("T", " ")
    customers = f"{about['customers']:,}"
    return date, name, str(about["k"]), str(about["segments"]), customers, _verdict(name, about, latest)


def _verdict(name: str, about: dict[str, Any], latest: str) -> str:
    if broken := about.get("gate", {}).get("broken"):
        return f"stopped: {'; '.join(broken)}"
    doubt = "" if about["chosen"]["admissible"] else ", no admissible candidate"
    return ("latest" if name == latest else "published") + doubt
