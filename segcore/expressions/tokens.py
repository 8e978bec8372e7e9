"""SQL of a job, taken apart into words, signs and values; nothing of it is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from segcore import errors

# Polars takes seconds for a sum of a thousand terms, and minutes for one of five thousand.
_MOST_TOKENS = 2_000
_LONGEST_SHOWN = 40

_TOKEN = re.compile(
    r"""(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    | (?P<word>[^\W\d]\w*)
    | (?P<comment>--|/\*)
    | (?P<sign><=>|\|\||::|//|==|<>|!=|<=|>=|[-+*/%=<>(),&|])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A number, text, name (in quotes), word or sign; `at` is its place in the expression, from 0."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """What a word or a sign is compared by; nothing for all else."""
        return self.text.upper() if self.kind in ("word", "sign") and self.text.isascii() else ""


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of an expression, then one of kind ``end``.

    Raises
    ------
    ValueError
        Where there is a comment, a sign that no expression needs, or more of them than Polars can do with.
    """
    at = count = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"{place(text[at:], at)} is not allowed in an expression")
        if match.lastgroup == "comment":
            raise ValueError(
                f"{place(text[at:], at)}: an expression holds no comment; for two minus signs write - -"
            )
        yield Token(match.lastgroup, match[0], at)
        at, count = match.end(), count + 1
        if count > _MOST_TOKENS:
            raise ValueError(
                f"is longer than {_MOST_TOKENS:,} words and signs; make more than one expression of it"
            )
    yield Token("end", "", at)


def place(text: str, at: int) -> str:
    """Return a piece of an expression and where it stands, for a message."""
    return f"{shown(text)} at character {at + 1}"


def shown(text: str) -> str:
    """Return a piece of an expression for a message: in quotes, on one line, cut where it is long."""
    return repr(errors.listing([text[:_LONGEST_SHOWN]]))
