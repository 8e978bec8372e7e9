"""Passes over all lines or all customers hold no column in memory: Polars does so for what it cannot stream, and tells nobody."""

from __future__ import annotations

import random
import re
import traceback
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import segment

ONE_BUCKET = ("aggregate_bucket.py", "condense_bucket.py")  # what is in memory anyway
JOB = {
    "models.families": ["kmeans"],
    "models.k_max": 3,
    "stability.splits": 0,
    "stability.resamples": 0,
    "structure_test.copies": 0,
}
MONTHS = ["January", "Februar", "mars", "abril"]
NUMBERS = ["one", "two", "Three", "4"]


def held_in_memory(lf: pl.LazyFrame) -> list[str]:
    """Return the steps of a streaming plan that hold a whole column or table."""
    plan = lf.show_graph(plan_stage="physical", engine="streaming", raw_output=True, show=False) or ""
    steps = (line for line in plan.splitlines() if 'fillcolor="0.0 0.3 1.0"' in line)
    return [match[1] for line in steps if (match := re.search(r'label="(.*?)",style', line))]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What streaming plans hold in memory, each with where it is collected, but for those of one bucket."""
    steps: list[str] = []

    def watched(name: str) -> None:
        kept = getattr(pl.LazyFrame, name)

        def look(lf: pl.LazyFrame, *args: Any, **options: Any) -> Any:
            calls = [Path(frame.filename).name for frame in traceback.extract_stack()]
            if options.get("engine") != "in-memory" and not set(ONE_BUCKET) & {*calls}:
                steps.extend(f"{calls[-2]}: {step}" for step in held_in_memory(lf))
            return kept(lf, *args, **options)

        monkeypatch.setattr(pl.LazyFrame, name, look)

    watched("collect")
    watched("sink_parquet")
    return steps


def write(folder: Path, number: int, *, columns: list[str]) -> None:
    """Write 200 lines of a file: dates with months in words, small numbers in letters, money in two currencies."""
    rng = random.Random(number)
    path = folder / f"shop={number % 2}" / f"{number}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for at in range(200):
        given = {
            "order": f"{number}-{at // 2}",
            "customer": f"c{rng.randrange(60)}",
            "date": f"{rng.randint(1, 28)} {MONTHS[rng.randrange(4)]} 2011",
            "product": f"p{rng.randrange(30)}",
            "quantity": NUMBERS[rng.randrange(4)],
            "price": f"{'€$'[rng.randrange(2)]}{rng.randint(1, 90)}.50",
        }
        lines.append(",".join(given[name] for name in columns))
    path.write_text("\n".join([",".join(columns), *lines, ""]))


def test_runs_stream_whatever_the_lines_look_like(tmp_path: Path, held: list[str]) -> None:
    columns = ["order", "customer", "date", "product", "quantity", "price"]
    for number in range(5):  # every second file has its columns the other way round, so that groups have gaps
        write(tmp_path / "in", number, columns=columns[:: (-1) ** number])
    rates = {"EUR": "1", "USD": "0.9"}
    job = {**JOB, "columns.country": "shop", "input.currency_rates": rates}
    first = segment(
        tmp_path / "in", tmp_path / "out", overrides={**job, "input.incremental": True}, quiet=True
    )
    for number in (5, 6):
        write(tmp_path / "in", number, columns=columns[:: (-1) ** number])
    segment(tmp_path / "in", tmp_path / "out", overrides={**job, "input.incremental": True}, quiet=True)
    again = segment(tmp_path / "in", tmp_path / "out", overrides=job, quiet=True)
    assert held == []
    assert pl.read_parquet(first.folder / "features/*.parquet")["country"].n_unique() == 2
    assert (again.folder / "movement.json").is_file()


def test_fields_are_filled_while_lines_stream_by(tmp_path: Path, held: list[str]) -> None:
    rows = ["customer,date,product,quantity,price"]
    for number in range(300):
        named = number % 3 == 0  # the two lines behind it are of the same customer and day
        rows.append(
            f"{f'c{number % 70}' if named else ''},{'2011-03-05' if named else ''},p{number % 7},1,{number}.5"
        )
    (tmp_path / "in").mkdir()
    for number, some in enumerate((rows[:151], [rows[0], *rows[151:]])):
        (tmp_path / "in" / f"{number}.csv").write_text("\n".join([*some, ""]))
    run = segment(
        tmp_path / "in", tmp_path / "out", overrides={**JOB, "input.fill_from": "order"}, quiet=True
    )
    assert held == []
    assert pl.read_parquet(run.folder / "features/*.parquet")["item_count"].sum() == 300
