"""Product codes that look like postage and fees: whoever counts them as purchases measures the shop's tariff."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from segcore import amounts
from segcore.lines.ledger import KEPT

_WORDS = (
    "postage|carriage|shipping|delivery|freight|courier|fees?|charges?|commission|handling|surcharge|insurance|manual|"
    "discount|voucher|gift ?cards?|gift ?wrap|adjustment|samples|"
    "porto|versand(?:kosten)?|geb(?:ü|ue)hr(?:en)?|rabatt|gutschein|frais de port|livraison|remise|env(?:í|i)o|gastos de env(?:í|i)o|"
    "spedizione|verzendkosten"
)
# A few words that end so: a box for stamps has more, or ends otherwise.
_SERVICE = rf"(?i)^(?:\S+ ){{0,2}}(?:{_WORDS})$"
_MOST = 30


@dataclass(frozen=True, kw_only=True)
class Service:
    """A code, its most frequent description, and its lines and minor units of money among lines that count."""

    code: str
    description: str
    lines: int
    money: int


def find(lf: pl.LazyFrame) -> list[Service]:
    """Return the codes whose description reads like postage or a fee, those with most lines first.

    Parameters
    ----------
    lf : LazyFrame
        Lines with their class, and code and description as text.
    """
    names = lf.collect_schema().names()
    if not {"text_product_id", "text_description"} <= {*names}:
        return []
    description = pl.col("text_description").str.strip_chars()
    described = (
        lf.filter(pl.col("class").is_in(KEPT), description.str.contains(_SERVICE))
        .group_by(
            code=pl.col("text_product_id").str.strip_chars().str.to_uppercase(), description=description
        )
        .agg(lines=pl.len(), money=pl.col("amount").cast(pl.Int128).sum())
        .collect(engine="streaming")
        .filter(pl.col("code") != "")
        .sort("lines", "code", "description", descending=[True, False, False])
    )
    by_code = described.group_by("code", maintain_order=True).agg(
        pl.col("description").first(), pl.col("lines", "money").sum()
    )
    rows = by_code.sort("lines", "code", descending=[True, False]).head(_MOST)
    return [Service(**row) for row in rows.to_dicts()]


def describe(services: Sequence[Service], money_decimals: int) -> list[str]:
    """Return a line for each, below one that says what they are; none where there are none."""
    if not services:
        return []
    return [
        "codes that look like postage and fees, and count as products; cleaning.not_products takes them out:",
        *(
            f"  {one.code:<16.16} {one.lines:>8,} lines  {amounts.text(one.money, money_decimals):>14}  {one.description:.40}"
            for one in services
        ),
        "",
    ]


def comments(services: Sequence[Service], known: Sequence[str], money_decimals: int) -> list[str]:
    """Return lines for the table ``[cleaning]`` of a job file, to take out of their comment."""
    if not services:
        return []
    texts = [
        f"# {one.code}: {one.description}, {one.lines:,} lines, {amounts.text(one.money, money_decimals)}"
        for one in services
    ]
    codes = [*known, *(one.code for one in services)]
    line = f"not_products = [{', '.join(json.dumps(code, ensure_ascii=False) for code in codes)}]"
    texts = [
        "# These codes look like postage and fees:",
        *texts,
        "# In place of the next line they are no products:",
    ]
    return [" ".join(text.split()) for text in [*texts, f"# {line}"]]
