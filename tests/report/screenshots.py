"""The README's pictures of the report: ``python -m tests.report.screenshots RUN OUT``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from segcore import report
from tests.report.browser import chromium

SHOTS = (
    ("report.png", 1280, 800, "light"),
    ("report-dark.png", 1280, 800, "dark"),
    ("report-phone.png", 390, 844, "light"),
)
CRITERIA = "choice.png"  # the criteria over k
PAYS = "pays.png"  # what the segments brought since
LARGEST = 400_000  # bytes of a picture in the repository


def shoot(run_dir: Path, out: Path) -> None:
    """Write the first screen of a run's report as pictures.

    Parameters
    ----------
    run_dir : Path
        A run, or an output folder whose latest.json names one.
    out : Path
        Folder for the pictures.
    """
    latest = run_dir / "latest.json"
    if latest.is_file():
        run_dir = run_dir / json.loads(latest.read_text(encoding="utf-8"))["run"]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page_file = Path(folder) / "report.html"
        page_file.write_text(report.build(run_dir), encoding="utf-8")
        for name, width, height, scheme in SHOTS:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(page_file.as_uri())
            page.screenshot(path=out / name)
            _check(out / name)
            if name == SHOTS[0][0]:
                page.locator("#pays .grid").screenshot(path=out / PAYS)
                _check(out / PAYS)
                page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
                page.locator("h4", has_text="The criteria").locator("~ .grid").first.screenshot(
                    path=out / CRITERIA
                )
                _check(out / CRITERIA)


def _check(picture: Path) -> None:
    size = picture.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{picture}: {size:,} bytes, expected at most {LARGEST:,}")
    print(f"{picture}: {size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("python -m tests.report.screenshots RUN OUT")
    shoot(Path(sys.argv[1]), Path(sys.argv[2]))
