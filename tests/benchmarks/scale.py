"""``make bench-scale``: segcore at a memory budget beside its peers, on one simulated dump, in one run.

Every system does the same work in processes of its own: clean with the same rules, remove duplicates, compute the
same features with exact distinct counts, apply segcore's stored transform, fit K-Means 2..10, a silhouette for each,
write labels. Their ledgers and every customer's features are compared with segcore's. One that fails, takes too long
or does not fit in memory is recorded as that, and the next one is run. The figures are in a JSON file of the folder
after each system, from which the tables are printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from segcore.engine import memory_limit, parse_size
from segcore.storage import read_json, write_json
from tests.benchmarks import scale_table, simulated
from tests.benchmarks.measuring import measure
from tests.benchmarks.scale_systems import SYSTEMS, Place, Record, read

_PACKAGES = ("polars", "dask", "dask-ml", "scikit-learn", "numpy", "pandas", "pyarrow", "duckdb", "pyspark")


def main() -> None:
    """Run what was asked for, and print the tables of all that has been run in the folder."""
    groups = sorted({system.group for system in SYSTEMS.values()})
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=float, default=1e7, help="lines of the dump")
    parser.add_argument("--folder", type=Path, default=Path("data/bench"), help="dumps and figures stay here")
    parser.add_argument("--memory", default="1GB", help="segcore's budget")
    parser.add_argument("--peers", help=f"groups beside segcore, of {', '.join(groups)}; default: all")
    parser.add_argument("--only", help=f"systems by name, of {', '.join(SYSTEMS)}")
    parser.add_argument("--seconds", type=float, default=3_600, help="time limit of each system")
    parser.add_argument(
        "--cap", help="a system that takes more memory does not fit; default: 3/4 of the machine"
    )
    parser.add_argument(
        "--print", action="store_true", dest="print_only", help="print what was measured before"
    )
    arguments = parser.parse_args()
    place = Place(folder=arguments.folder.resolve(), rows=int(arguments.rows), memory=arguments.memory)
    cap = parse_size(arguments.cap) if arguments.cap else memory_limit() * 3 // 4
    figures = place.folder / f"scale-{place.rows}.json"
    results: Record = read_json(figures) if figures.is_file() else {"rows": place.rows, "systems": {}}
    if not arguments.print_only:
        place.folder.mkdir(parents=True, exist_ok=True)
        results |= {
            "machine": machine(),
            "memory": place.memory,
            "cap": cap,
            "most_seconds": arguments.seconds,
        }
        for name in chosen(arguments.only, arguments.peers):
            print(f"{name} ...", file=sys.stderr, flush=True)
            results["systems"][name] = record = run(name, place, arguments.seconds, cap)
            write_json(figures, results)
            said = record["failure"] or f"{record['seconds']:,.1f} s, {record['peak'] / 1e6:,.0f} MB"
            print(f"{name}: {said}", file=sys.stderr, flush=True)
    print(scale_table.text(results))


def chosen(only: str | None, peers: str | None) -> Sequence[str]:
    """Return the names of the systems to run, in their order."""
    wanted = set(only.split(",")) if only else set(SYSTEMS)
    if unknown := wanted - set(SYSTEMS):
        raise SystemExit(f"no system {', '.join(sorted(unknown))}; expected of {', '.join(SYSTEMS)}")
    groups = {"segcore", *peers.split(",")} if peers else {system.group for system in SYSTEMS.values()}
    return [name for name, system in SYSTEMS.items() if name in wanted and system.group in groups]


def run(name: str, place: Place, most_seconds: float, cap: int) -> Record:
    """Run one system in a folder of its own, which is gone afterwards, and return its figures."""
    system = SYSTEMS[name]
    nothing: Record = {"title": system.title, "seconds": 0.0, "cpu_seconds": 0.0, "peak": 0}
    if system.group == "spark" and shutil.which("java") is None:
        return nothing | {"failure": "left out: there is no Java"}
    if missing := [path.name for path in system.needs(place) if not path.exists()]:
        return nothing | {"failure": f"left out: {', '.join(missing)} is missing; run what makes it first"}
    simulated.dump(place.folder, place.rows, system.form)
    scratch = place.folder / f"scratch-{name}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        measured = measure(
            system.arguments(place, scratch),
            log=place.folder / f"{name}.log",
            most_seconds=most_seconds,
            most_memory=cap,
        )
        return read(name, measured, place, scratch)
    except (OSError, ValueError, LookupError) as exc:  # what it left is not what is expected
        return nothing | {"failure": f"its results cannot be read: {exc!r}"}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def machine() -> Record:
    """Return what the figures were measured on."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "cpus": os.cpu_count(),
        "memory": memory_limit(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": found,
    }


if __name__ == "__main__":
    main()
