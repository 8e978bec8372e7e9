"""What ``make bench-scale`` runs: segcore and its peers, how each is started, and what is read from what it leaves."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from segcore.schema import FEATURES
from tests.benchmarks import simulated
from tests.benchmarks.measuring import ROOT, Measured
from tests.benchmarks.retail import DECIMALS

RETAIL = ROOT / "jobs" / "online-retail.toml"
# What the peers do: K-Means alone, and no refits to see whether segments hold.
SAME_WORK = """
[models]
families = ["kmeans"]
[stability]
splits = 0
resamples = 0
[structure_test]
copies = 0
"""
# Stages that end with the features of every customer, of segcore and of the peers.
TO_FEATURES = ("input", "start", "read", "clean", "ledger", "lines", "customers", "features")

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a bench works.

    Attributes
    ----------
    folder : Path
    rows : int
    memory : str
        Budget of segcore.
    """

    folder: Path
    rows: int
    memory: str

    def dump(self, form: str) -> Path:
        """Return the folder of the dump in a format."""
        return simulated.place(self.folder, self.rows, form)

    @property
    def reference(self) -> Path:
        """Where features/, model.json and ledger.json of segcore's run are kept for the peers."""
        return self.folder / f"segcore-{self.rows}"

    @property
    def features(self) -> Path:
        """What DuckDB writes and scikit-learn reads."""
        return self.folder / f"duckdb-{self.rows}.parquet"


@dataclass(frozen=True, kw_only=True)
class System:
    """One program that is measured.

    Attributes
    ----------
    title : str
    group : str
        What ``--peers`` calls it.
    form : {"parquet", "csv"}
        Of the dump that it reads.
    command : callable
        Given the place and an empty folder of its own, the arguments of Python.
    needs : callable
        Files that have to be there.
    after : str
        The system whose features it goes on with; its figures are added.
    """

    title: str
    group: str
    command: Callable[[Place, Path], list[str]]
    form: str = "parquet"
    needs: Callable[[Place], tuple[Path, ...]] = lambda place: ()
    after: str = ""

    def arguments(self, place: Place, scratch: Path) -> list[str]:
        """Return the whole command."""
        return [sys.executable, "-m", *self.command(place, scratch)]


def _segcore(form: str, *, whole: bool = False, memory: str = "") -> Callable[[Place, Path], list[str]]:
    def command(place: Place, scratch: Path) -> list[str]:
        job = scratch / "job.toml"
        job.write_text(RETAIL.read_text() + ("" if whole else SAME_WORK))
        given = ["--out", str(scratch / "out"), "--job", str(job), "--memory", memory or place.memory]
        return ["segcore", "segment", str(place.dump(form)), *given]

    return command


def _duckdb(form: str, *more: str) -> Callable[[Place, Path], list[str]]:
    return lambda place, scratch: [
        "tests.benchmarks.peer_duckdb", str(place.dump(form)), str(scratch), *more
    ]  # fmt: skip


def _sklearn(title: str, start: str) -> System:
    def command(place: Place, scratch: Path) -> list[str]:
        given = ["--model", str(_model(place)), "--start", start]
        return ["tests.benchmarks.peer_sklearn", str(place.features), str(scratch), *given]

    return System(
        title=f"DuckDB at 2 GB + scikit-learn, {title}",
        group="duckdb",
        command=command,
        needs=lambda place: (_model(place), place.features),
        after="duckdb",
    )


def _in_one(module: str) -> Callable[[Place, Path], list[str]]:
    return lambda place, scratch: [
        f"tests.benchmarks.{module}", str(place.dump("parquet")), str(scratch), "--model", str(_model(place))
    ]  # fmt: skip


def _model(place: Place) -> Path:
    return place.reference / "model.json"


SYSTEMS: dict[str, System] = {
    "segcore": System(title="segcore, the same work", group="segcore", command=_segcore("parquet")),
    "segcore-whole": System(
        title="segcore, the whole job", group="segcore", command=_segcore("parquet", whole=True)
    ),
    "segcore-large": System(
        title="segcore at 12 GB, the same work", group="segcore", command=_segcore("parquet", memory="12GB")
    ),
    "duckdb": System(title="DuckDB at 2 GB, features alone", group="duckdb", command=_duckdb("parquet")),
    "duckdb-hashed": System(
        title="DuckDB at 2 GB, features alone, texts as 64-bit hashes",
        group="duckdb",
        command=_duckdb("parquet", "--hashed"),
    ),
    "duckdb-unlimited": System(
        title="DuckDB with all of the memory, features alone",
        group="duckdb",
        command=_duckdb("parquet", "--memory", "100%"),
    ),
    "sklearn-10": _sklearn("n_init=10", "10"),
    "sklearn-default": _sklearn("default n_init", "auto"),
    "sklearn-sample": _sklearn("segcore's start", "sample"),
    "spark": System(
        title="PySpark, local[2]",
        group="spark",
        command=_in_one("peer_spark"),
        needs=lambda place: (_model(place),),
    ),
    "pandas": System(
        title="pandas + scikit-learn, default n_init",
        group="pandas",
        command=_in_one("peer_pandas"),
        needs=lambda place: (_model(place),),
    ),
    "segcore-csv": System(
        title="segcore from CSV, the same work", group="segcore", command=_segcore("csv"), form="csv"
    ),
    "duckdb-csv": System(
        title="DuckDB at 2 GB from CSV, features alone", group="duckdb", command=_duckdb("csv"), form="csv"
    ),
}


def read(name: str, measured: Measured, place: Place, scratch: Path) -> Record:
    """Return the figures of a system that has run, and keep what later ones need."""
    known = {
        "title": SYSTEMS[name].title,
        "seconds": measured.seconds,
        "cpu_seconds": measured.cpu_seconds,
        "peak": measured.peak,
        "failure": measured.failure,
    }
    if SYSTEMS[name].group != "segcore":
        return known | _of_peer(measured, place, scratch, keep=name == "duckdb")
    if measured.failure:
        return known
    run = scratch / "out" / json.loads((scratch / "out/latest.json").read_text())["run"]
    if name == "segcore":
        _keep(run, place.reference)
    return known | _of_segcore(run, place)


def _of_segcore(run: Path, place: Place) -> Record:
    manifest = json.loads((run / "manifest.json").read_text())
    ledger = json.loads((run / "ledger.json").read_text())
    table = pl.read_parquet(run / "candidates.parquet").filter(pl.col("family") == "kmeans")
    return {
        "stages": [
            {"name": stage["name"], "seconds": stage["seconds"], "peak": stage["peak_memory"]}
            for stage in manifest["stages"]
        ],
        "passes": manifest["kmeans"],
        "ledger": {
            entry["class"]: (entry["rows"], int(Decimal(entry["money"]) * DECIMALS))
            for entry in ledger["classes"]
            if entry["rows"]
        },
        "kmeans": {
            str(k): {"inertia": inertia, "silhouette": silhouette}
            for k, inertia, silhouette in table.select("k", "inertia", "silhouette").iter_rows()
        },
        **_features(run / "features", place),
    }


def _of_peer(measured: Measured, place: Place, scratch: Path, *, keep: bool) -> Record:
    told = measured.told()
    out: Record = {
        "stages": [
            {
                "name": line["step"],
                "seconds": line["ended"] - line["began"],
                "peak": measured.peak_between(line["began"], line["ended"]),
            }
            for line in told
            if "step" in line
        ]
    }
    for line in told:
        out |= {key: line[key] for key in ("ledger", "kmeans") if key in line}
    written = scratch / "features.parquet"
    if "ledger" in out and written.exists():
        out |= _features(written, place)
        if keep:
            shutil.move(written, place.features)
    return out


def _keep(run: Path, reference: Path) -> None:
    shutil.rmtree(reference, ignore_errors=True)
    shutil.copytree(run / "features", reference / "features")
    shutil.copy2(run / "model.json", reference)


def _features(path: Path, place: Place) -> Record:
    """Return the totals of customers' features, and where they differ from segcore's."""
    lf = pl.scan_parquet(path / "*.parquet" if path.is_dir() else path)
    sums = [pl.col(name).sum().cast(pl.Int64) for name in ("order_count", "unique_products", "item_count")]
    totals = lf.select(pl.len().alias("customers"), *sums).collect().row(0, named=True)
    return {
        "totals": totals,
        "differences": list(_differences(_comparable(lf), place.reference / "features")),
    }


def _differences(theirs: pl.DataFrame, reference: Path) -> Iterator[str]:
    """Name the features that are not the same for every customer: numbers to 1e-9, all else exactly."""
    ours = _comparable(pl.scan_parquet(reference / "*.parquet"))
    if not theirs["customer_id"].equals(ours["customer_id"]):
        yield f"{theirs.height:,} customers, {ours.height:,} expected, or others"
        return
    for feature in FEATURES:
        mine, other = ours[feature.name], theirs[feature.name]
        if mine.dtype.is_float():
            tolerance = 1e-9 * mine.abs().clip(1.0)
            same = (mine.is_null() == other.is_null()).all() and ((mine - other).abs() <= tolerance).all()
        else:
            same = mine.equals(other.cast(mine.dtype), check_names=False)
        if not same:
            yield feature.name


def _comparable(lf: pl.LazyFrame) -> pl.DataFrame:
    """Return features by customer, times in seconds as the peers write them."""
    schema = lf.collect_schema()
    times = [
        pl.col(name).dt.epoch("s")
        for name in ("first_order_at", "last_order_at")
        if schema[name].is_temporal()
    ]
    return lf.with_columns(pl.col("customer_id").cast(pl.Int64), *times).sort("customer_id").collect()
