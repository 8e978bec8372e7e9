"""The same answer whatever the budget, the buckets, the threads and the files, with everything that changes lines on their way."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import ingest, job
from segcore.pipeline.core.job_file import with_clock
from segcore.pipeline.core.plan import Plan
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import id_map, join_tables, read_input
from segcore.progress import Progress
from segcore.storage import Workspace
from tests.transaction_lines import CLOCK, taken_through

HEADER = "order,email,at,sku,quantity,price,off,cur"
RATES = {"EUR": "1", "USD": "0.8512", "GBP": "1.17"}
PERSONS = {f"m{n}": f"p{n // 3}" for n in range(30) if n % 3}
VOID = {f"o{n}" for n in range(0, 60, 7)}


def orders() -> list[list[str]]:
    """Return the lines of each order: what is the order's stands on its first line alone."""
    draw = random.Random(7)
    found = []
    for n in range(60):
        mail = draw.choice(["m{}", "M{} "]).format(draw.randrange(30))
        when = f"2024-03-{draw.randrange(1, 29):02} 2{draw.randrange(4)}:30:00"
        at = draw.choice([when, f"{when} -05:00", f"{when}Z"])
        first = True
        lines = []
        for _ in range(draw.randrange(1, 5)):
            quantity, price = draw.randrange(1, 4), f"{draw.randrange(1, 4000) / 100:.2f}"
            own = (mail, at, f"{draw.randrange(0, 900) / 100:.2f}") if first else ("", "", "")
            cur = ["EUR", "USD", "GBP"][n % 3]
            lines.append(f"o{n},{own[0]},{own[1]},p{draw.randrange(9)},{quantity},{price},{own[2]},{cur}")
            first = False
        found.append(lines)
    return found


def in_units(amount: str, currency: str) -> Decimal:
    return (Decimal(amount) * Decimal(RATES[currency])).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def plainly() -> dict[str, float]:
    """Work out by a loop what everybody spent."""
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for lines in orders():
        fields = [line.split(",") for line in lines]
        order, mail, _, _, _, _, off, cur = fields[0]
        cost = sum((int(one[4]) * in_units(one[5], cur) for one in fields), Decimal(0))
        if order not in VOID and cost > in_units(off, cur):
            mail = mail.lower().strip()
            spent[PERSONS.get(mail, mail)] += cost - in_units(off, cur)
    return {who: float(money) for who, money in spent.items()}


def dump(folder: Path, parts: Sequence[list[str]]) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{n}.csv" for n in range(len(parts))]
    for path, lines in zip(paths, parts, strict=True):
        path.write_text("\n".join([HEADER, *lines]) + "\n")
    return paths


def tables(folder: Path) -> dict[str, Any]:
    """Write the other tables, and return the job."""
    folder.mkdir(parents=True)
    states = [f"o{n},{'void' if f'o{n}' in VOID else 'paid'}" for n in range(60)]
    (folder / "states.txt").write_text("\n".join(["id,state", *states]) + "\n")
    same = [f"{mail},{person}" for mail, person in PERSONS.items()]
    (folder / "same.csv").write_text("\n".join(["id,person", *same]) + "\n")
    return {
        "columns": {
            "order_id": "order",
            "customer_id": "email",
            "ordered_at": "at",
            "product_id": "sku",
            "unit_price": "price",
        },
        "input.fill_from": "order",
        "input.time_zone": "Europe/Paris",
        "input.source_zone": "UTC",
        "input.currency_rates": RATES,
        "cleaning.order_discount": "off",
        "cleaning.customer_case": "lower",
        "cleaning.keep": "state = 'paid'",
        "customers.map": str(folder / "same.csv"),
        "join": [{"path": str(folder / "states.txt"), "on": {"order": "id"}, "columns": ["state"]}],
    }


def outcome(
    inputs: Sequence[Path], rules: dict[str, Any], folder: Path, *, budget: int, n_buckets: int, capacity: int
) -> dict[str, Any]:
    """Take files through the first stages, and return digests of features, the ledger's classes and everybody's spend."""
    settings = with_clock(job.resolve("", rules), CLOCK)
    found, _ = join_tables.find(settings)
    plan = Plan(
        sources=ingest.discover(inputs),
        joined=found,
        ids=id_map.find(settings),
        settings=settings,
        budget=budget,
        refresh="fit",
    )
    folder.mkdir()
    run = RunContext(
        work=Workspace(out=folder, folder=folder, begun=CLOCK),
        run_id="test",
        plan=plan,
        progress=Progress(quiet=True),
    )
    source = read_input.prepare(run)
    source = replace(source, ids=id_map.prepare(run))
    customers = taken_through(source, source.settings, folder, n_buckets=n_buckets, capacity=capacity)
    features = pl.read_parquet(list(customers.features))
    return {
        "features": [sha256(path.read_bytes()).hexdigest() for path in customers.features],
        "classes": json.loads((folder / "customers" / "ledger.json").read_text())["classes"],
        "spend": dict(features.select("customer_id", "total_spend").iter_rows()),
    }


WIDE = {"budget": 10**9, "n_buckets": 1, "capacity": 10**6}
ALONE = """
import json, sys
from pathlib import Path
from tests.pipeline.test_any_way import WIDE, outcome
paths, rules, folder = json.loads(sys.argv[1])
print(json.dumps(outcome([Path(one) for one in paths], rules, Path(folder), **WIDE)))
"""


def test_the_same_bytes_and_the_money_of_a_loop(tmp_path: Path) -> None:
    rules = tables(tmp_path / "tables")
    lines = orders()
    whole = dump(tmp_path / "whole", [[one for some in lines for one in some]])
    parts = [[one for some in lines[n::3] for one in some] for n in range(3)]
    split = dump(tmp_path / "split", parts)
    reversed_ = dump(tmp_path / "reversed", parts[::-1])
    expected = outcome(whole, rules, tmp_path / "a", **WIDE)
    assert expected["spend"] == pytest.approx(plainly(), abs=1e-9)
    ways = [
        outcome(whole, rules, tmp_path / "b", budget=400_000, n_buckets=2, capacity=40),
        outcome(split, rules, tmp_path / "c", budget=100_000, n_buckets=2, capacity=10**6),
        outcome(reversed_, rules, tmp_path / "d", **WIDE),
    ]
    given = json.dumps([[str(path) for path in whole], rules, str(tmp_path / "e")])
    done = subprocess.run(
        [sys.executable, "-c", ALONE, given],
        env={"POLARS_MAX_THREADS": "1", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    ways.append(json.loads(done.stdout))
    for way in ways:
        assert way == expected
