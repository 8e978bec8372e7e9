"""Columns without a use that may say that a line is no purchase: a status, a test flag, a cancellation, a refund."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore import amounts, errors, ingest
from segcore.expressions import carried
from segcore.ingest import FileGroup
from segcore.job.cleaning import CLASSES
from segcore.lines.ledger import KEPT
from segcore.pipeline.lines import collecting
from segcore.pipeline.lines.prepared_input import PreparedInput

_MOST_VALUES, _LONGEST_VALUE = 20, 40
_SAMPLE_LINES = 2_000
_STATUS = re.compile(r"status|statut|stato\b|estado|zustand|状态|ステータス", re.IGNORECASE)
_UNDONE = (
    r"cancel|canceled|void|refund|test|storn|annul|delet|trash|fraud|erstatt|rembours|reembols|rimbors|devol|retour|"
    r"退款|取消|キャンセル|返品"
)
_FLAG = re.compile(rf"(?<![^\W_])(?:is_?)?(?:{_UNDONE})", re.IGNORECASE)
_NO_PURCHASE = re.compile(
    rf"(?<![^\W_])(?:{_UNDONE}|charge.?back|fail|declin|reject|pending|unpaid|abandon|draft|expired|return)",
    re.IGNORECASE,
)
_IN_PART = re.compile(r"partial|teil|^(?:no|not|non|nicht|nein)\b", re.IGNORECASE)
_DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_NUMBER = re.compile(r"[\W\d]+")
_YES = {"true", "t", "yes", "y", "1", "ja", "oui", "si", "sí", "sim", "x"}


@dataclass(frozen=True, kw_only=True)
class State:
    """A column and its values: text (None: missing) to lines and minor units of money, among lines that count.

    Attributes
    ----------
    by_presence : bool
        Many values, such as times of cancellation: what matters is whether there is one.
    doubtful : tuple of str
        Values that say that a line is no purchase, as far as words tell.
    """

    column: str
    values: dict[str | None, tuple[int, int]]
    by_presence: bool
    doubtful: tuple[str, ...]

    @property
    def in_doubt(self) -> tuple[int, int]:
        """Lines and money with such a value."""
        some = [of for value, of in self.values.items() if value is not None and value in self.doubtful]
        return sum(lines for lines, _ in some), sum(money for _, money in some)

    @property
    def rule(self) -> str:
        """The condition that takes such lines out."""
        column = '"' + self.column.replace('"', '""') + '"'
        if self.by_presence:
            return f"{column} IS NOT NULL"
        listed = self.doubtful or [value for value in self.values if value is not None]
        return f"{column} IN ({', '.join(_quoted(value) for value in listed)})"

    @property
    def rule_name(self) -> str:
        """A name for it."""
        name = re.sub(r"[^a-z0-9]+", "_", self.column.lower()).strip("_")
        return name if re.match("[a-z]", name) and name not in CLASSES else f"rule_{name}"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def carry(source: PreparedInput) -> PreparedInput:
    """Return an input whose scans bring the columns along that :func:`count` looks at."""
    return replace(
        source, file_groups=[replace(g, carried={**_candidates(g), **g.carried}) for g in source.file_groups]
    )


def _candidates(group: FileGroup) -> dict[str, pl.DataType]:
    others = ingest.other_columns(group)
    if not others:
        return {}
    some = replace(group, carried=others, discounts={})
    sample = collecting.collect(ingest.scan(some).filter(~pl.col("malformed")).head(_SAMPLE_LINES))
    return {name: dtype for name, dtype in others.items() if _may_tell(name, sample[carried(name)])}


def _may_tell(name: str, values: pl.Series) -> bool:
    if _FLAG.search(name) or _STATUS.search(name):
        return True
    texts = values.cast(pl.String, strict=False).drop_nulls()
    known = texts.unique()
    few = len(known) <= _MOST_VALUES and 2 * len(known) <= len(texts)
    return few and any(_doubtful(name, value) for value in known)


def _doubtful(name: str, value: str) -> bool:
    if _FLAG.search(name) and value.strip().lower() in _YES:
        return True
    return (
        len(value) <= _LONGEST_VALUE
        and _NO_PURCHASE.search(value) is not None
        and _IN_PART.search(value) is None
    )


def count(frames: Sequence[pl.LazyFrame], source: PreparedInput, used: Collection[str]) -> list[State]:
    """Count lines and money by the values of columns that may say that a line is no purchase.

    Parameters
    ----------
    frames : sequence of polars.LazyFrame
        The classified lines of each group of an input that :func:`carry` returned.
    source : PreparedInput
    used : collection of str
        Columns that rules of the job name.
    """
    parts = []
    for lf, group in zip(frames, source.file_groups, strict=True):
        columns = {carried(name): name for name in group.carried if name not in used}
        if columns:
            kept = lf.filter(pl.col("class").cast(pl.String).is_in(KEPT)).select("amount", *columns)
            values = kept.rename(columns).unpivot(
                index="amount", on=[*columns.values()], variable_name="column"
            )
            parts.append(
                values.group_by("column", "value").agg(
                    lines=pl.len().cast(pl.Int64), money=pl.col("amount").cast(pl.Int128).sum()
                )
            )
    if not parts:
        return []
    counted = pl.concat(parts).group_by("column", "value").agg(pl.col("lines", "money").sum())
    df = collecting.collect(counted).sort("column", "lines", "value", descending=[False, True, False])
    states = [_state(str(name), rows) for (name,), rows in df.group_by("column", maintain_order=True)]
    return [one for one in states if one is not None]


def _state(name: str, rows: pl.DataFrame) -> State | None:
    values = {
        value: (lines, money) for value, lines, money in rows.select("value", "lines", "money").iter_rows()
    }
    texts = [value for value in values if value is not None]
    doubtful = tuple(value for value in texts if _doubtful(name, value))
    many = len(values) > _MOST_VALUES
    if None in values and _FLAG.search(name) and (many or not doubtful) and _are_notes(texts, many=many):
        given = rows.filter(pl.col("value").is_not_null()).select(pl.col("lines", "money").sum()).row(0)
        some = {"given": given, None: values[None]}
        return State(column=name, values=some, by_presence=True, doubtful=("given",))
    if many:
        return None
    if not doubtful and (len(values) < 2 or not _STATUS.search(name)):
        return None
    return State(column=name, values=values, by_presence=False, doubtful=doubtful)


def _are_notes(texts: Sequence[str], *, many: bool) -> bool:
    """Whether values are days, or one of many reasons, of which what matters is that there is one; no numbers."""
    if many:
        return not all(_NUMBER.fullmatch(text) and not _DAY.match(text) for text in texts)
    return bool(texts) and all(_DAY.match(text) for text in texts)


def table(states: Sequence[State], money_decimals: int) -> list[str]:
    """Return what :func:`count` found, for people."""
    if not states:
        return []
    texts = ["columns without a use that may say that a line is no purchase (cleaning.keep, cleaning.rules):"]
    for one in states:
        texts.append(f"  {one.column!r}")
        texts += [
            f"    {'empty' if value is None else value:<24} {lines:>12,}  {amounts.text(money, money_decimals):>16}"
            for value, (lines, money) in one.values.items()
        ]
    return texts


def warnings(states: Sequence[State], money_decimals: int) -> list[str]:
    """Return what to think of before a run."""
    return [
        f"{one.in_doubt[0]:,} lines with {amounts.text(one.in_doubt[1], money_decimals)} may be no purchases by their "
        f"{one.column!r} ({errors.listing(one.doubtful)}), and count all the same: "
        "cleaning.keep or a rule of cleaning.rules takes them out"
        for one in states
        if one.doubtful
    ]


def comments(states: Sequence[State], money_decimals: int) -> list[str]:
    """Return lines for the table ``[cleaning.rules]`` of a job file: rules to take out of their comments."""
    import tomli_w

    texts = []
    for one in states:
        known = ", ".join(
            f"{'empty' if value is None else value} ({lines:,} lines, {amounts.text(money, money_decimals)})"
            for value, (lines, money) in one.values.items()
        )
        texts += [
            f"# Values of {one.column!r} in lines that count: {known}.",
            "# Without the # in front, this takes lines out:",
            f"# {tomli_w.dumps({one.rule_name: one.rule}).strip()}",
        ]
    return [text.replace("\r", " ").replace("\n", " ") for text in texts]
