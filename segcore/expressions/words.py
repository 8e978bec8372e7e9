"""The words of the SQL that a job may hold."""

from __future__ import annotations

_AGGREGATES = (
    "avg corr count covar covar_pop covar_samp first first_value last last_value max median min quantile_cont "
    "quantile_disc stddev stddev_samp stdev sum var var_samp variance"
)
_NUMBERS = (
    "abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees div exp floor ln log log10 log1p log2 mod pi pow power "
    "radians round sign sin sqrt tan trunc truncate"
)
_TEXTS = (
    "char_length character_length concat concat_ws ends_with initcap left length lower ltrim octet_length regexp_like "
    "replace reverse right rtrim split_part starts_with strpos substr substring trim upper"
)
_TIMES = (
    "date date_part datetime day dayofweek dayofyear hour minute month quarter second strftime strptime time timestamp "
    "week year"
)
# Without those that read, that depend on the clock, or whose result can be as large as a number says.
FUNCTIONS = frozenset(
    f"{_AGGREGATES} {_NUMBERS} {_TEXTS} {_TIMES} coalesce greatest if ifnull least nullif".split()
)
# What is left where every line is judged by itself.
OF_A_LINE = FUNCTIONS - {*_AGGREGATES.split()}
_PLAIN = (
    "BIGINT BOOL BOOLEAN CHAR DATE DATETIME DEC DECIMAL DOUBLE FLOAT FLOAT4 FLOAT8 INT INT2 INT4 INT8 INTEGER NUMERIC "
    "REAL SMALLINT STRING TEXT TIME TIMESTAMP TINYINT VARCHAR"
)
TYPES = frozenset(_PLAIN.split())
VALUES = {"NULL", "TRUE", "FALSE"}
BEFORE_A_TEXT = {"DATE", "DATETIME", "INTERVAL", "TIME", "TIMESTAMP"}  # DATE '2011-12-09'
BETWEEN_WORDS = {"AND", "OR", "XOR"}
AFTER_NOT = {"LIKE", "ILIKE", "RLIKE", "REGEXP", "BETWEEN"}
SIGNS = {"+", "-", "*", "/", "//", "%", "=", "==", "<>", "!=", "<", "<=", ">", ">=", "<=>", "||", "&", "|"}
# Words of the grammar that name no column without quotes.
RESERVED = (
    VALUES
    | BETWEEN_WORDS
    | AFTER_NOT
    | {"CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "TRY_CAST", "EXTRACT", "DISTINCT", "FILTER", "WHERE"}
    | {"NOT", "IS", "IN", "AS", "FROM", "SELECT", "WITH", "TABLE", "VALUES", "EXISTS"}
)
