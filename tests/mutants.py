"""Small wrong changes of a room's code, and which of them its tests notice.

``python -m tests.mutants selection --sample 100`` lets mutmut make the changes that it knows of, one at a time, in a
copy of the code in ``build/mutants/``: so many of them, drawn at random. The tests in the room's own folder run on each.
What none of them notices survives, and is printed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("lines", "matrix", "evaluation", "selection", "changes", "profile")
NOTICED = {"killed", "timeout", "segfault", "suspicious"}

# Each change is tried in a fork of a process that has collected the tests, and so imported everything, and has run
# none: Polars starts its threads in the fork. Pytest would warn of plugins that are imported already. A test of how
# long something takes fails while mutmut counts which functions are called.
SETTINGS = """
[tool.mutmut]
source_paths = ["segcore"]
only_mutate = ["segcore/{room}/*"]
pytest_add_cli_args = [
    "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning",
    "-m", "not slow", "-k", "not take_seconds",
]
pytest_add_cli_args_test_selection = ["tests/{room}"]
process_isolation = "forkserver"
timeout_multiplier = 10.0
timeout_constant = 4.0
use_git_change_detection = false
"""


def copied(room: str) -> Path:
    """Copy what the room's tests need, with the settings of mutmut, and return the folder."""
    folder = ROOT / "build" / "mutants" / room
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("segcore", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8") + SETTINGS.format(room=room)
    (folder / "pyproject.toml").write_text(settings, encoding="utf-8")
    return folder


def mutmut(folder: Path, *arguments: str) -> str:
    """Run mutmut in a folder, and return what it printed."""
    program = Path(sys.executable).with_name("mutmut")
    # Tests on the real data need more than is copied, and take too long to run on every change.
    environment = {name: value for name, value in os.environ.items() if name != "SEGCORE_ONLINE_RETAIL"}
    with (folder / "mutmut.log").open("a", encoding="utf-8") as log:
        ended = subprocess.run(
            [str(program), *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=False,
        )
        log.write(ended.stdout)
    return ended.stdout


def statuses(folder: Path) -> dict[str, str]:
    """Return what became of each change, by its name."""
    lines = mutmut(folder, "results", "--all", "true").splitlines()
    found = (line.strip().rpartition(": ") for line in lines if "__mutmut_" in line)
    return {name: status for name, _, status in found}


def drawn(folder: Path, sample: int | None, seed: int) -> list[str]:
    """Return the names of the changes to try."""
    # Where no name fits, mutmut has made all changes, and timed the tests, before it says so.
    mutmut(folder, "run", "none of them")
    names = sorted(statuses(folder))
    if not names:
        sys.exit(f"mutmut made no changes: see {folder / 'mutmut.log'}")
    return names if sample is None else random.Random(seed).sample(names, min(sample, len(names)))


def report(room: str, folder: Path, names: list[str]) -> None:
    """Print how many changes were noticed, and those that were not."""
    found = statuses(folder)
    if any(found[name] == "not checked" for name in names):
        sys.exit(
            f"mutmut did not come to its end, or a test fails on the code as it is: see {folder / 'mutmut.log'}"
        )
    survivors = sorted(name for name in names if found[name] not in NOTICED)
    for name in survivors:
        print(mutmut(folder, "show", name))
    n, left = len(names), len(survivors)
    counted = ", ".join(f"{status} {k}" for status, k in Counter(found[name] for name in names).most_common())
    print(
        f"{room}: {n} of {len(found)} changes tried, {n - left} noticed, {left} survived ({left / n:.1%}); {counted}"
    )


def main() -> None:
    """Try changes of some rooms."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("room", nargs="?", choices=ROOMS, help="all of them without one")
    parser.add_argument("--sample", type=int, help="changes of each room, drawn at random; all without it")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="changes tried at once")
    given = parser.parse_args()
    for room in [given.room] if given.room else ROOMS:
        folder = copied(room)
        names = drawn(folder, given.sample, given.seed)
        mutmut(folder, "run", "--max-children", str(given.jobs), *names)
        report(room, folder, names)


if __name__ == "__main__":
    main()
