"""SQL that a job holds: what is allowed in it, as an expression of Polars, and as features of one's own."""

from segcore.expressions.allowed import checked
from segcore.expressions.line_rules import (
    carried,
    check_condition,
    columns_in,
    columns_of_rules,
    computed,
    condition,
)
from segcore.expressions.own_features import COLUMNS, all_columns, check, columns_of, evaluate, not_there
from segcore.expressions.parsing import parse
from segcore.expressions.words import FUNCTIONS, TYPES

__all__ = [
    "COLUMNS",
    "FUNCTIONS",
    "TYPES",
    "all_columns",
    "carried",
    "check",
    "check_condition",
    "checked",
    "columns_in",
    "columns_of",
    "columns_of_rules",
    "computed",
    "condition",
    "evaluate",
    "not_there",
    "parse",
]
