"""``python -m tests.benchmarks.recovery``: how well planted segments are found as noise, size and imbalance grow.

Simulates dumps, runs the whole job on each and prints the adjusted Rand index between the planted segments and every
family's labels of all customers, at the planted number of segments. One argument is moved at a time. HDBSCAN finds
its number of clusters itself, in brackets; its noise counts as one more cluster. With ``--choose`` the job also
chooses k by its rule, stability and all, and the last columns say what it chose. Nothing is asserted.

References
----------
Hubert and Arabie (1985), Comparing partitions, Journal of Classification 2.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from sklearn.metrics import adjusted_rand_score

from segcore import segment
from segcore.simulate import DEFAULT_SEGMENTS, simulate

ROOT = Path(__file__).parent.parent.parent
N_SEGMENTS = len(DEFAULT_SEGMENTS)
ROWS_A_CUSTOMER = 100  # leaves the orders of the default segments about as long as they are meant
FAMILIES = ["kmeans", "hierarchical", "mixture", "hdbscan", "spectral"]
PLAIN = {
    "models.families": FAMILIES,
    "models.k_min": N_SEGMENTS,
    "models.k_max": N_SEGMENTS,
    "models.restarts": 20,
    "stability.splits": 0,
    "stability.resamples": 0,
    "structure_test.copies": 0,
}
CHOOSING = {"models.families": ["kmeans", "mixture"], "models.k_max": 8, "structure_test.copies": 0}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One simulated dump.

    Attributes
    ----------
    noise : float
        Factor on every spread inside the segments.
    customers : int
    smallest : float
        Share of the customers in the first planted segment; the others share the rest as they do by default.
    """

    noise: float = 1.0
    customers: int = 1_000
    smallest: float = 0.15


def settings(sizes: Sequence[int]) -> Iterator[Setting]:
    """Move one argument at a time."""
    yield from (Setting(noise=noise) for noise in (0.0, 0.25, 0.5, 1.0, 1.5, 2.0))
    yield from (Setting(noise=0.5, customers=n) for n in sizes)
    yield from (Setting(noise=0.5, smallest=share) for share in (0.08, 0.04, 0.02, 0.01))


def dump(out: Path, setting: Setting, seed: int) -> tuple[Path, pl.DataFrame]:
    """Simulate a dump and return it with the truth."""
    first, *others = DEFAULT_SEGMENTS
    scale = (1 - setting.smallest) / (1 - first.share)
    planted = [replace(first, share=setting.smallest), *(replace(s, share=s.share * scale) for s in others)]
    made = simulate(
        out,
        rows=setting.customers * ROWS_A_CUSTOMER,
        customers=setting.customers,
        segments=planted,
        noise=setting.noise,
        seed=seed,
        format="parquet",
    )
    return out, pl.read_parquet(made.truth)


def labels(inputs: Path, out: Path, overrides: dict[str, Any]) -> tuple[pl.DataFrame, str]:
    """Run the job and return everybody's segments, one column for each model, and the candidate chosen."""
    run = segment(inputs, out, job=ROOT / "jobs" / "online-retail.toml", overrides=overrides, quiet=True)
    candidates = pl.read_parquet(run.folder / "candidates.parquet")
    row = candidates.row(by_predicate=pl.col("chosen"), named=True)
    name = "-".join(filter(None, (row["family"], row["variant"])))
    return pl.read_parquet(run.segments / "*.parquet"), f"{name} {row['k']}{'' if row['admissible'] else '?'}"


def recovered(segments: pl.DataFrame, truth: pl.DataFrame) -> dict[str, str]:
    """Return the adjusted Rand index of every model's labels."""
    both = segments.join(truth.rename({"segment": "planted"}), on="customer_id", validate="1:1")
    found = {}
    for column in both.columns:
        family, _, k = column.rpartition("_")
        if k.isdigit() and family:
            score = f"{adjusted_rand_score(both['planted'], both[column].fill_null(-1)):.2f}"
            found[family] = f"{score} ({k})" if family == "hdbscan" else score
    return found


def main() -> None:
    """Print the table, row by row, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 500, 2_000, 8_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choose", action="store_true")
    arguments = parser.parse_args()
    header: list[str] | None = None
    for setting in settings(arguments.sizes):
        with tempfile.TemporaryDirectory() as scratch:
            inputs, truth = dump(Path(scratch) / "dump", setting, arguments.seed)
            row = {
                "noise": f"{setting.noise:g}",
                "customers": f"{setting.customers:,}",
                "smallest": f"{setting.smallest:.0%}",
                **recovered(labels(inputs, Path(scratch) / "plain", PLAIN)[0], truth),
            }
            if arguments.choose:
                own, chosen = labels(inputs, Path(scratch) / "chosen", CHOOSING)
                both = own.join(truth.rename({"segment": "planted"}), on="customer_id", validate="1:1")
                row |= {
                    "chosen": chosen,
                    "its index": f"{adjusted_rand_score(both['planted'], both['segment']):.2f}",
                }
        if header is None:
            header = list(row)
            print(f"| {' | '.join(header)} |\n|{' ---: |' * len(header)}")
        print(f"| {' | '.join(row.get(name, '') for name in header)} |", flush=True)


if __name__ == "__main__":
    main()
