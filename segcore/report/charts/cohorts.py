"""Customers by the month of their first order: who came back, and what newcomers bring."""

from __future__ import annotations

import altair as alt
import polars as pl

from segcore.report import privacy
from segcore.report.charts.base import (
    INK,
    MUTED,
    NARROW,
    PAPER,
    WIDE,
    Figure,
    Layers,
    months_axis,
    short_numbers,
    spec,
    tip,
    words,
)
from segcore.report.formatting import MISSING, Formatter, month

_LAST = 13  # cohorts that are drawn, and months since
_ROW = 24
_STEPS = [0.1, 0.2, 0.3, 0.4]


def triangle(cohorts: pl.DataFrame, fmt: Formatter) -> Figure:
    """Draw the share of each month's new customers that bought again, by month since.

    Parameters
    ----------
    cohorts : polars.DataFrame
        As :func:`segcore.tables.cohorts` returns it.
    fmt : Formatter
    """
    first = sorted(set(cohorts["cohort"]))[-_LAST:]
    sizes = dict(cohorts.filter(pl.col("months_since") == 0).select("cohort", "customers").rows())
    enough = [cohort for cohort in first if sizes[cohort] >= privacy.LEAST_CUSTOMERS]
    df = cohorts.filter(pl.col("cohort").is_in(enough), pl.col("months_since").is_between(1, _LAST - 1))
    rows = df.to_dicts()
    texts = [
        f"{fmt.percent(row['share'])} of {fmt.counted(sizes[row['cohort']], 'customer')}"
        if row["customers"] >= privacy.LEAST_CUSTOMERS
        else f"fewer than {privacy.LEAST_CUSTOMERS} customers"
        for row in rows
    ]
    df = df.with_columns(
        name=pl.col("cohort").dt.to_string("%Y-%m"),
        share=pl.when(pl.col("customers") >= privacy.LEAST_CUSTOMERS).then("share"),
        label=pl.Series(
            [
                f"{100 * row['share']:.0f}" if row["customers"] >= privacy.LEAST_CUSTOMERS else MISSING
                for row in rows
            ],
            dtype=pl.String,
        ),
        tip=pl.Series(
            [
                tip(
                    f"First order in {month(str(row['cohort']))}",
                    f"{row['months_since']} months later: {text}",
                )
                for row, text in zip(rows, texts, strict=True)
            ],
            dtype=pl.String,
        ),
    )
    labels = {f"{cohort:%Y-%m}": f"{month(str(cohort))}: {fmt.count(sizes[cohort])}" for cohort in enough}
    height = _ROW * len(labels) + 50
    best = df.filter(pl.col("months_since") == 1)["share"].drop_nulls()
    finding = (
        f" A month later {fmt.percent(min(best))} to {fmt.percent(max(best))} bought." if len(best) else ""
    )
    return Figure(
        name="cohorts",
        title="Who came back, by month of the first order",
        caption="Of the customers of a month (down, with their number), how many of a hundred bought so many months later "
        "(across).",
        alt=f"Share of each month's new customers that bought again.{finding}",
        spec=spec(_cells(df, labels), height, WIDE),
        narrow=spec(_cells(df, labels), height, NARROW),
    )


def _cells(df: pl.DataFrame, labels: dict[str, str]) -> Layers:
    scale = alt.Scale(type="threshold", domain=_STEPS, range=[f"var(--q{i})" for i in range(1, 6)])
    base = alt.Chart(df).encode(
        x=alt.X(
            "months_since:O", title="months since the first order", axis=alt.Axis(labelAngle=0, grid=False)
        ),
        y=alt.Y(
            "name:O",
            sort=list(labels),
            title=None,
            axis=alt.Axis(labelExpr=words(labels), grid=False, labelColor=INK, minExtent=94),
        ),
    )
    return [
        base.mark_rect(stroke=PAPER, strokeWidth=2).encode(
            color=alt.Color("share:Q", legend=None, scale=scale), description=alt.Description("tip:N")
        ),
        base.mark_text(fontSize=11, color=INK).encode(text=alt.Text("label:N")),
    ]


def newcomers(months: pl.DataFrame, fmt: Formatter) -> Figure:
    """Draw the revenue of each month, parted into customers who bought for the first time and others.

    Parameters
    ----------
    months : polars.DataFrame
        As :func:`segcore.tables.newcomers` returns it, without the first month, in which everybody is new.
    fmt : Formatter
    """
    shown = months.tail(3 * _LAST)
    rows = [
        {
            "month": f"{row['month']:%Y-%m}",
            "who": who,
            "revenue": amount if row["new_customers"] >= privacy.LEAST_CUSTOMERS else None,
            "tip": tip(
                month(str(row["month"])),
                f"{fmt.percent(row['new_revenue_share'])} by {fmt.counted(row['new_customers'], 'new customer')}"
                if row["new_customers"] >= privacy.LEAST_CUSTOMERS
                else f"fewer than {privacy.LEAST_CUSTOMERS} new customers",
            ),
        }
        for row in shown.to_dicts()
        for who, amount in (("known", row["revenue"] - row["new_revenue"]), ("new", row["new_revenue"]))
    ]
    df = pl.DataFrame(rows, infer_schema_length=None)
    share = float(months["new_revenue"].sum()) / float(months["revenue"].sum() or 1.0)
    return Figure(
        name="newcomers",
        title="What new customers bring",
        caption="Revenue by month, before returns; dark: by customers with their first order in the month.",
        alt=f"Revenue by month of new and known customers; {fmt.percent(share)} of it by new ones.",
        spec=spec(_bars(df, fmt), 240, WIDE),
        narrow=spec(_bars(df, fmt, upright=True), 240, NARROW),
    )


def _bars(df: pl.DataFrame, fmt: Formatter, *, upright: bool = False) -> alt.Chart:
    labels = {name: month(name) for name in df["month"].unique(maintain_order=True)}
    chart: alt.Chart = (
        alt.Chart(df)
        .mark_bar(stroke=PAPER, strokeWidth=1)
        .encode(
            x=alt.X("month:O", title=None, axis=months_axis(labels, upright=upright)),
            y=alt.Y(
                "revenue:Q",
                title=None,
                axis=alt.Axis(labelExpr=short_numbers(fmt.currency), tickCount=4, minExtent=46),
            ),
            color=alt.Color(
                "who:N", legend=None, scale=alt.Scale(domain=["new", "known"], range=[INK, MUTED])
            ),
            opacity=alt.OpacityValue(0.35).condition(test="datum.who == 'new'", value=1),
            order=alt.Order("who:N", sort="descending"),
            description=alt.Description("tip:N"),
        )
    )
    return chart
