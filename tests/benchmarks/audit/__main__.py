"""``python -m tests.benchmarks.audit INPUT FOLDER``: what the statistics claim, held against simulated truth.

Prints a row of a table as soon as it is known; nothing is asserted. What it was before is as it was measured then, with other
code, and stands there to be read beside.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from tests.benchmarks.audit import change, choice, confidence, matrix, names
from tests.benchmarks.audit.data import Data, Part
from tests.benchmarks.lean import undrawn

PARTS: dict[str, Part] = {
    "repeaters": matrix.repeaters,
    "beyond": matrix.beyond,
    "planted": choice.planted_sets,
    "copies": choice.without_clusters,
    "families": choice.whole_rule,
    "worlds": choice.worlds,
    "strength": choice.strength_error,
    "silhouette": choice.silhouette_coverage,
    "splits": choice.splits,
    "confidence": confidence.confidence,
    "names": names.names,
    "renames": names.renames,
    "rules": names.rules_of_thumb,
    "causes": change.causes,
    "shifts": change.shifts,
    "alarms": change.false_alarms,
}


def main() -> None:
    """Print the table as Markdown, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("input", help="whose customers are copied and judged")
    parser.add_argument("folder", type=Path, help="where its runs are made; emptied")
    parser.add_argument("--rows", nargs="+", choices=PARTS, default=[*PARTS], help="all without it")
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    asked.folder.mkdir(parents=True)
    data = Data(asked.input, asked.folder)
    print("| row | what | before | now | seconds |\n| --- | --- | ---: | ---: | ---: |", flush=True)
    with threadpool_limits(1), undrawn():
        for row in asked.rows:
            began = time.monotonic()
            for figure in PARTS[row](data):
                seconds = f"{time.monotonic() - began:.0f}"
                print(f"| {' | '.join((row, *figure, seconds))} |", flush=True)


if __name__ == "__main__":
    main()
