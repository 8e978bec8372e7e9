"""``make bench-same``: the same bytes however a job is run; a table of digests, and exit 1 when they differ.

One simulated dump is segmented with one and two threads, with two memory budgets, as one file, as 13, with its lines
shuffled, as CSV, on a local Dask cluster of three workers, by a run that is killed in two of its stages and goes on, and by
one that reads the last files alone. Compared are features/, segments/, the model, the look back and the outlook byte for byte, and ledger.json without its
part by file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl

from tests.benchmarks import simulated
from tests.benchmarks.measuring import ROOT
from tests.operations.processes import digest as digest_of

_FILES = 13
_LATER = 3  # of them, which a second night has
_JOB = "job.toml"
# All that the whole job does, in fewer refits.
_FEW_REFITS = """
[models]
restarts = 20
mixture_restarts = 1
[stability]
splits = 4
resamples = 4
min_splits = 2
[structure_test]
copies = 2
"""
_KILLED_AFTER = ("lines", "models")  # a little into the stage that follows each
_POLL_SECONDS = 0.05
_A_LITTLE = 0.5


def variants(folder: Path, dump: Path) -> dict[str, tuple[Path, list[str]]]:
    """Return name, input and arguments of every way to run the job; the first one is what others should equal."""
    return {
        "one file, 2 threads, 1 GB": (_once(folder / "one", dump, _one_file), ["--threads", "2"]),
        "1 thread": (folder / "one", ["--threads", "1"]),
        "2 GB": (folder / "one", ["--memory", "2GB"]),
        f"{_FILES} files": (_once(folder / "several", dump, _several_files), []),
        f"{_FILES} files, lines shuffled": (_once(folder / "shuffled", dump, _shuffled), []),
        "CSV": (_once(folder / "csv", dump, _csv), []),
        "3 workers": (folder / "several", ["--workers", "3"]),
        "killed twice, gone on": (folder / "one", ["kill"]),
        f"incremental, {_LATER} files later": (folder / "several", ["incremental"]),
    }


def main() -> None:
    """Run every variant and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=float, default=1e7, help="lines of the dump")
    parser.add_argument("--folder", type=Path, default=Path("data/bench"), help="the dump stays here")
    arguments = parser.parse_args()
    rows, base = int(arguments.rows), arguments.folder.resolve()
    work = base / "scratch-same"
    base.mkdir(parents=True, exist_ok=True)
    dump = simulated.dump(base, rows)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    (work / _JOB).write_text((ROOT / "jobs" / "online-retail.toml").read_text() + _FEW_REFITS)
    try:
        agreed = _compare(work, dump)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(0 if agreed else 1)


def _compare(work: Path, dump: Path) -> bool:
    """Print a row for each variant as it ends, and return whether all are the same."""
    expected: dict[str, str] | None = None
    agreed = True
    for name, (source, options) in variants(work, dump).items():
        began = time.monotonic()
        out = work / "out"
        try:
            found = digests(_run_in(source, out, options))
        except subprocess.CalledProcessError as exc:
            found = {"failed": f"ended with {exc.returncode}"}
        if expected is None:
            expected = found
            print(f"| run | {' | '.join(found)} | seconds |\n| --- |{' --- |' * len(found)} ---: |")
        cells = [
            value[:16] + ("" if expected.get(part) == value else " DIFFERS") for part, value in found.items()
        ]
        print(f"| {name} | {' | '.join(cells)} | {time.monotonic() - began:,.1f} |", flush=True)
        agreed = agreed and found == expected and "failed" not in found
        shutil.rmtree(out, ignore_errors=True)
    return agreed


def digests(run: Path) -> dict[str, str]:
    """Return SHA-256 of what should be the same: the files but for the run's id, and the ledger but for its files."""
    ledger = {
        key: value for key, value in json.loads((run / "ledger.json").read_text()).items() if key != "by_file"
    }
    return {
        "features/": _digest(sorted((run / "features").iterdir())),
        "segments/": _digest(sorted((run / "segments").iterdir())),
        "model.json": _digest([run / "model.json"]),
        "look back": _digest([run / "look_back.parquet"]),
        "outlook": _digest(
            [run / "outlook.json", *sorted(run.glob("model/outlook_*")), *sorted(run.glob("tables/outlook*"))]
        ),
        "ledger.json": hashlib.sha256(json.dumps(ledger).encode()).hexdigest(),
    }


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(digest_of(path).encode())
    return digest.hexdigest()


def _run_in(source: Path, out: Path, way: list[str]) -> Path:
    if way == ["kill"]:
        return _killed(source, out)
    return _incremental(source, out) if way == ["incremental"] else _run(source, out, way)


def _run(source: Path, out: Path, options: list[str]) -> Path:
    _segcore(*_arguments(source, out), *options)
    return _latest(out)


def _killed(source: Path, out: Path) -> Path:
    """Kill the job after two of its stages, each time a little into the next, and let it go on."""
    for stage in _KILLED_AFTER:
        process = subprocess.Popen([sys.executable, "-m", "segcore", *_arguments(source, out)], cwd=ROOT)
        while process.poll() is None and not any(out.glob(f"work/*/{stage}")):
            time.sleep(_POLL_SECONDS)
        time.sleep(_A_LITTLE)
        if process.poll() is not None:
            raise subprocess.CalledProcessError(
                process.returncode, f"the run that was to be killed after {stage}"
            )
        process.kill()
        process.wait()
    return _run(source, out, [])


def _incremental(source: Path, out: Path) -> Path:
    """Keep what all but the last files became, forget that night's run, and read what is new."""
    fewer = out.with_name("fewer")
    shutil.rmtree(fewer, ignore_errors=True)
    fewer.mkdir()
    paths = sorted(source.iterdir())
    for path in paths[:-_LATER]:
        (fewer / path.name).hardlink_to(path)
    _run(fewer, out, ["--incremental"])
    for path in out.iterdir():
        if path.name != "cache":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in paths[-_LATER:]:
        (fewer / path.name).hardlink_to(path)
    return _run(fewer, out, ["--incremental"])


def _arguments(source: Path, out: Path) -> list[str]:
    given = ["--out", str(out), "--job", str(out.with_name(_JOB)), "--memory", "1GB", "--quiet"]
    return ["segment", str(source), *given]


def _segcore(*arguments: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SEGCORE_")}
    command = [sys.executable, "-m", "segcore", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def _latest(out: Path) -> Path:
    return out / str(json.loads((out / "latest.json").read_text())["run"])


def _once(folder: Path, dump: Path, write: Callable[[pl.LazyFrame, Path], None]) -> Path:
    folder.mkdir()
    write(pl.scan_parquet(dump / "*.parquet"), folder)
    return folder


def _one_file(lf: pl.LazyFrame, folder: Path) -> None:
    lf.sink_parquet(folder / "all.parquet")


def _several_files(lf: pl.LazyFrame, folder: Path) -> None:
    _in_parts(lf.collect(), folder)


def _shuffled(lf: pl.LazyFrame, folder: Path) -> None:
    _in_parts(lf.collect().sample(fraction=1.0, shuffle=True, seed=1), folder)


def _in_parts(df: pl.DataFrame, folder: Path) -> None:
    size = -(-df.height // _FILES)
    for number, part in enumerate(df.iter_slices(size)):
        part.write_parquet(folder / f"part-{number:02}.parquet")


def _csv(lf: pl.LazyFrame, folder: Path) -> None:
    lf.sink_csv(folder / "all.csv", datetime_format="%Y-%m-%d %H:%M:%S")


if __name__ == "__main__":
    main()
