"""The account of every line: in = purchases + returns + rejected by reason, in rows and in money."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import polars as pl

from segcore import cleaning, errors, job, schema
from segcore.ingest import UNDECODABLE

KEPT = (cleaning.PURCHASE, cleaning.RETURN)
# Rejects that are no sign of a bad input.
NO_FAULT = (cleaning.MISSING_CUSTOMER, cleaning.OUTSIDE_WINDOW)
RejectsMode = Literal["all", "sample", "count"]


def classes(rules: job.Cleaning) -> list[str]:
    """Return every class of a line in the order of the rules; purchases and returns last."""
    return [name for name, _ in cleaning.rules(rules)] + [
        cleaning.DUPLICATE,
        cleaning.RETURN,
        cleaning.PURCHASE,
    ]


def account(counts: pl.DataFrame, rules: job.Cleaning, *, files: Sequence[str]) -> dict[str, Any]:
    """Add up the counts of all buckets.

    Parameters
    ----------
    counts : polars.DataFrame
        As :func:`segcore.features.ledger` returns them: ``file, class, rows, money, unreadable_amount_rows``.
    rules : segcore.job.Cleaning
    files : sequence of str
        Name of every file, by its number.

    Returns
    -------
    dict
        Plain values for ledger.json; money as decimal text, exact.
    """
    by_class = {
        row["class"]: row
        for row in counts.group_by("class").agg(pl.col("rows", "money").sum()).iter_rows(named=True)
    }
    by_file = counts.group_by("file", "class").agg(pl.col("rows", "money").sum()).sort("file", "class")
    nothing = {"rows": 0, "money": 0}
    return {
        "rows_in": int(counts["rows"].sum()),
        "money_in": _money(int(counts["money"].sum()), rules),
        "unreadable_amount_rows": int(counts["unreadable_amount_rows"].sum()),
        "classes": [
            {
                "class": name,
                "rows": by_class.get(name, nothing)["rows"],
                "money": _money(by_class.get(name, nothing)["money"], rules),
            }
            for name in classes(rules)
        ],
        "by_file": [
            {"file": files[file], "class": name, "rows": rows, "money": _money(money, rules)}
            for file, name, rows, money in by_file.iter_rows()
        ],
    }


def returns_net(counts: pl.DataFrame, rules: job.Cleaning) -> dict[str, Any]:
    """Add up what returns took back in all buckets, as :func:`segcore.returns.account` counts it.

    Returns
    -------
    dict
        Plain values for ledger.json. Rows and money of ``matched`` and ``unmatched`` are those of the class
        ``return``; the money of ``taken_back`` is that of purchases, at their own price. The rows in
        ``partly_matched_rows`` are among the matched; the part of their money without a purchase is not.
    """
    total = counts.sum().row(0, named=True)
    out: dict[str, Any] = {
        name: {"rows": total[f"{name}_rows"], "money": _money(total[f"{name}_money"], rules)}
        for name in ("matched", "unmatched", "taken_back")
    }
    return out | {
        name: total[name] for name in ("partly_matched_rows", "orders_emptied", "customers_emptied")
    }


def _money(minor: int, rules: job.Cleaning) -> str:
    return str(Decimal(minor).scaleb(-rules.money_decimals))


def check(account: dict[str, Any], rules: job.Cleaning) -> None:
    """Refuse to go on when there is nothing to build on.

    Raises
    ------
    segcore.errors.DataError
        If there are no lines, no purchases, or more rejects than the job allows.
    """
    rows = {entry["class"]: entry["rows"] for entry in account["classes"]}
    lines_in = account["rows_in"]
    rejected = {name: n for name, n in rows.items() if name not in KEPT and n}
    reasons = ", ".join(
        f"{name} {n:,}" for name, n in sorted(rejected.items(), key=lambda item: -item[1])[:4]
    )
    if lines_in == 0:
        raise errors.DataError("the input holds no lines; expected at least one below the header")
    if rows[cleaning.PURCHASE] == 0:
        raise errors.DataError(
            f"no purchase left: all of {lines_in:,} lines were returns or rejected ({reasons}); "
            "check the columns, the job's cleaning rules and the observation window"
        )
    beyond = sum(n for name, n in rejected.items() if name not in NO_FAULT)
    looked_at = lines_in - rows[cleaning.OUTSIDE_WINDOW]
    if beyond > rules.max_reject_share * looked_at:
        raise errors.DataError(
            f"{beyond / looked_at:.0%} of {looked_at:,} lines were rejected beyond missing customers ({reasons}); "
            f"at most {rules.max_reject_share:.0%} is allowed: mend the input or raise cleaning.max_reject_share"
        )


def duplicate_rejects(lines: pl.LazyFrame, mode: RejectsMode) -> pl.LazyFrame:
    """Return file, record and amount of duplicates: of all, the first of each file, or none."""
    doubled = lines.filter(pl.col("class") == cleaning.DUPLICATE).select("file", "record", "class", "amount")
    if mode == "all":
        return doubled
    if mode == "count":
        return doubled.head(0)
    return _first_of_each(doubled)


def _first_of_each(rejects: pl.LazyFrame) -> pl.LazyFrame:
    return rejects.group_by("file", "class").agg(pl.all().sort_by("record").first())


def write_rejects(
    paths: Sequence[str],
    duplicates: Sequence[pl.DataFrame],
    starts: Sequence[int],
    folder: Path,
    mode: RejectsMode,
    *,
    files: Sequence[str],
) -> None:
    """Write rejected lines with their text, reason, file and record.

    Parameters
    ----------
    paths : sequence of str
        Parquet files of the rejected lines.
    duplicates : sequence of polars.DataFrame
        As :func:`duplicate_rejects` gave them for each bucket.
    starts : sequence of int
        The first ``record`` of each file, so that records count from 1 in each.
    folder : Path
    mode : {"all", "sample", "count"}
    files : sequence of str
        Name of every file, by its number.
    """
    folder.mkdir()
    if mode == "count":
        return
    texts = [f"text_{name}" for name in schema.LINE_NAMES]
    shown = ["file", "record", "class", "amount", *texts, "text"]
    frames = [df.lazy() for df in duplicates]
    if paths:
        rejected = pl.scan_parquet(list(paths)).select(shown)
        frames.append(rejected if mode == "all" else _first_of_each(rejected))
    rejects = pl.concat(frames, how="diagonal")
    if mode == "sample":
        rejects = _first_of_each(rejects)
    known = {"file": range(len(files)), "name": files, "start": starts}
    names = pl.LazyFrame(known, schema={"file": pl.UInt32, "name": pl.String, "start": pl.UInt64})
    out = rejects.join(names, on="file").select(
        pl.col("name").alias("file"),
        (pl.col("record") - pl.col("start") + 1).alias("record"),
        pl.col("class").alias("reason"),
        pl.col("amount").alias("amount_minor"),
        *(
            pl.col(text).str.replace_all(UNDECODABLE, "", literal=True).alias(text.removeprefix("text_"))
            if paths
            else pl.lit(None, pl.String).alias(text.removeprefix("text_"))
            for text in [*texts, "text"]
        ),
    )
    if mode == "sample":
        out = out.sort("file", "record", "reason")
    out.sink_parquet(folder / "part-00000.parquet", maintain_order=mode == "sample")
