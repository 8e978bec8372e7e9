"""SQL of a job, read before Polars sees it and allowed by what it is made of.

Polars evaluates subqueries and table functions while it parses: the ``read_csv('...')`` of an expression that came with
somebody's run would read that file. So an expression has to be one of a small grammar, and Polars gets its tokens in one
spelling, every column in quotes: nothing depends on two parsers seeing the same in a text.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

from segcore import errors
from segcore.expressions import words
from segcore.expressions.tokens import Token, place, shown, tokens

_DEEPEST = 30  # brackets within each other; Polars knows 50


def checked(text: str, columns: Collection[str] | None, *, of_a_line: bool = False, prefix: str = "") -> str:
    """Return an expression in the spelling that may be given to Polars.

    Allowed are columns, numbers, texts, dates, operators, CASE, IS, IN lists, BETWEEN, LIKE, CAST to plain types,
    EXTRACT, FILTER (WHERE ...) and :data:`segcore.expressions.FUNCTIONS`. What is allowed means what it means to Polars alone.

    Parameters
    ----------
    text : str
        An SQL expression. Nothing of it is evaluated.
    columns : collection of str or None
        What it may name, in small and capital letters as they are; one that is no plain word in double quotes. None:
        anything.
    of_a_line : bool
        Without functions of several lines, such as sum.
    prefix : str
        What columns are called begins with it where Polars sees them.

    Raises
    ------
    ValueError
        With what is not allowed, where it stands and what is.
    """
    functions = words.OF_A_LINE if of_a_line else words.FUNCTIONS
    reader = _Reader([*tokens(text)], columns, functions, prefix)
    reader.expression(0)
    if reader.token.kind != "end":
        reader.refuse()
    return " ".join(reader.taken)


class _Reader:
    """Goes through the tokens of an expression once; precedence does not matter to what is allowed."""

    def __init__(
        self, tokens: list[Token], columns: Collection[str] | None, functions: Collection[str], prefix: str
    ) -> None:
        self._tokens = tokens
        self._columns = columns
        self._functions = functions
        self._prefix = prefix
        self._place = 0
        self.taken: list[str] = []

    @property
    def token(self) -> Token:
        return self._tokens[self._place]

    def refuse(self) -> NoReturn:
        token = self.token
        if token.kind == "end":
            raise ValueError("ends too early; is there a bracket, a value or an END missing?")
        raise ValueError(
            f"{place(token.text, token.at)} is not expected there; an expression is made of columns, values, operators, "
            "CASE, CAST and functions, without queries and names for results"
        )

    def expression(self, depth: int) -> None:
        self._operand(depth)
        while self._operator(depth):
            pass

    def _take(self, spelling: str | None = None) -> None:
        self.taken.append(spelling or self.token.word or self.token.text)
        self._place += 1

    def _took(self, *expected: str) -> bool:
        """Take a word or sign if it comes next."""
        if self.token.word not in expected:
            return False
        self._take()
        return True

    def _need(self, *expected: str) -> None:
        if not self._took(*expected):
            self.refuse()

    def _inside(self, depth: int) -> int:
        if depth >= _DEEPEST:
            raise ValueError(
                f"is nested more than {_DEEPEST} levels deep at character {self.token.at + 1}; simplify it"
            )
        return depth + 1

    def _operator(self, depth: int) -> bool:
        """Take an operator with what stands behind it, if one comes next."""
        if self._took(*words.SIGNS, *words.BETWEEN_WORDS, *words.AFTER_NOT):
            self._operand(depth)
        elif self._took("IS"):
            self._took("NOT")
            if self._took("DISTINCT"):
                self._need("FROM")
                self._operand(depth)
            else:
                self._need(*words.VALUES)
        elif self._took("NOT"):
            if self._took("IN"):
                self._list(depth)
            else:
                self._need(*words.AFTER_NOT)
                self._operand(depth)
        elif self._took("IN"):
            self._list(depth)
        else:
            return False
        return True

    def _operand(self, depth: int) -> None:
        depth = self._inside(depth)
        if self._took("NOT", "-", "+"):
            self._operand(depth)
            return
        self._atom(depth)
        if self._took("::"):
            self._type()

    def _atom(self, depth: int) -> None:
        token, behind = self.token, self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        if token.kind in ("number", "text") or token.word in words.VALUES:
            self._take()
        elif self._took("("):
            self.expression(depth)
            self._need(")")
        elif self._took("CASE"):
            self._case(depth)
        elif self._took("CAST", "TRY_CAST"):
            self._need("(")
            self.expression(depth)
            self._need("AS")
            self._type()
            self._need(")")
        elif self._took("EXTRACT"):
            self._extract(depth)
        elif token.kind == "word" and behind.word == "(":
            self._call(depth)
        elif token.word in words.BEFORE_A_TEXT and behind.kind == "text":
            self._take()
            self._take()
        elif token.kind == "name" or (token.kind == "word" and token.word not in words.RESERVED):
            self._column(behind)
        else:
            self.refuse()

    def _case(self, depth: int) -> None:
        if self.token.word != "WHEN":
            self.expression(depth)
        self._need("WHEN")
        while True:
            self.expression(depth)
            self._need("THEN")
            self.expression(depth)
            if not self._took("WHEN"):
                break
        if self._took("ELSE"):
            self.expression(depth)
        self._need("END")

    def _list(self, depth: int) -> None:
        self._need("(")
        self.expression(depth)
        while self._took(","):
            self.expression(depth)
        self._need(")")

    def _extract(self, depth: int) -> None:
        self._need("(")
        if self.token.kind != "word":
            self.refuse()
        self._take()  # such as YEAR
        self._need("FROM")
        self.expression(depth)
        self._need(")")

    def _call(self, depth: int) -> None:
        name = self.token.text.lower()
        if name in words.FUNCTIONS and name not in self._functions:
            raise ValueError(f"{shown(self.token.text)} is of several lines; every line is judged by itself")
        if name not in self._functions:
            close = errors.did_you_mean(name, self._functions)
            raise ValueError(
                f"unknown function {shown(self.token.text)}{close or '; there are ' + ', '.join(sorted(self._functions))}"
            )
        self._take(name)
        self._take()  # the bracket
        if name == "pi" or (name == "count" and self._took("*")):
            self._need(")")
        else:
            self._took("DISTINCT")
            self.expression(depth)
            while self._took(","):
                self.expression(depth)
            self._need(")")
        if self._functions is words.FUNCTIONS and self._took("FILTER"):
            self._need("(")
            self._need("WHERE")
            self.expression(depth)
            self._need(")")

    def _type(self) -> None:
        if self.token.word not in words.TYPES:
            close = errors.did_you_mean(self.token.word, words.TYPES)
            raise ValueError(
                f"unknown type {place(self.token.text, self.token.at)}{close}; there are {', '.join(sorted(words.TYPES))}"
            )
        self._take()
        if self.taken[-1] == "DOUBLE":
            self._took("PRECISION")
        if self._took("("):
            self._digits()
            if self._took(","):
                self._digits()
            self._need(")")

    def _digits(self) -> None:
        if not self.token.text.isdecimal():
            self.refuse()
        self._take()

    def _column(self, behind: Token) -> None:
        name = self.token.text
        if self.token.kind == "name":
            name = name[1:-1].replace(name[0] * 2, name[0])
        if self._columns is not None and name not in self._columns:
            close = errors.did_you_mean(name, self._columns)
            raise ValueError(
                f"unknown column {shown(name)}{close}; there are {errors.listing(self._columns, most=30)}"
            )
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise ValueError(f"column {shown(name)} cannot be named: Polars reads a pattern in it")
        self._take('"' + (self._prefix + name).replace('"', '""') + '"')
