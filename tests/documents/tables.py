"""The tables of the pages that are made from the code: ``python -m tests.documents.tables`` writes them anew.

A page marks the place with ``<!-- generated: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from segcore import expressions, job, run_contents, schema
from segcore.lines import rfm
from tests import test_architecture as architecture
from tests.documents.pages import Page, pages

# Tables that a job may have several of.
_LISTS: dict[str, type[BaseModel]] = {"extra": job.Extra, "join": job.Join}
_PLACE = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write every page with its tables as they should be."""
    for page in pages():
        if (text := renewed(page)) != page.text:
            page.path.write_text(text, encoding="utf-8")
            print(page.name)


def renewed(page: Page) -> str:
    """Return a page with its tables as they should be."""
    return _PLACE.sub(lambda place: f"{place[1]}\n{TABLES[place[2]]()}\n", page.text)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def columns() -> str:
    """Return the canonical columns of a line."""
    rows = [[f"`{c.name}`", "yes" if c.required else "", c.meaning] for c in schema.LINE_COLUMNS]
    return _table(["column", "needed", "meaning"], rows)


def features() -> str:
    """Return the features of a customer."""
    return _table(
        ["column", "unit", "meaning"],
        [[f"`{f.name}`", f.unit, f.meaning] for f in (*schema.FEATURES, *schema.RFM)],
    )


def rfm_groups() -> str:
    """Return the group of every pair of scores, the best of recency first."""
    rows = [[f"R {r}", *(rfm.GROUPS[place] for place in rfm.TABLE[r - 1])] for r in range(5, 0, -1)]
    return _table(["", *(f"F {f}" for f in range(1, 6))], rows)


def keys() -> str:
    """Return every key of a job, table by table."""
    fields = job.Job.model_fields
    plain = [_row(name, field) for name, field in fields.items() if not _model(field) and name not in _LISTS]
    parts = [f"At the top of the file:\n\n{_table(_KEY_HEAD, plain)}"]
    for name, field in fields.items():
        if model := _LISTS.get(name) or _model(field):
            title = f"[[{name}]]" if name in _LISTS else f"[{name}]"
            rows = [_row(key, inner) for key, inner in model.model_fields.items()]
            parts.append(f"### {title}\n\n{(model.__doc__ or '').strip()}\n\n{_table(_KEY_HEAD, rows)}")
    return "\n".join(parts)


def contents() -> str:
    """Return every file that a run leaves, and the columns of those that are tables."""
    files = _table(
        ["file", "what it holds"], [[f"`{path}`", file.holds] for path, file in run_contents.FILES.items()]
    )
    tables: dict[str, tuple[list[str], run_contents.File]] = {}
    for path, file in run_contents.FILES.items():
        if file.columns:
            tables.setdefault(repr(file.columns), ([], file))[0].append(f"`{path}`")
    parts = [
        f"{' and '.join(paths)}:\n\n"
        + _table(["column", "meaning"], [[f"`{name}`", meaning] for name, meaning in file.columns.items()])
        for paths, file in tables.values()
    ]
    return "\n".join([files, *parts])


def functions() -> str:
    """Return the functions that SQL of a job may call."""
    return f"`{' '.join(sorted(expressions.FUNCTIONS))}`\n"


def imports() -> str:
    """Return the line of imports, lower rooms first; the first rooms that lines pass in their order."""
    order = {name: place for place, name in enumerate(architecture.ORDER)}
    lines = [
        " ".join(sorted(layer, key=lambda name: (order.get(name, len(order)), name)))
        for layer in architecture.LAYERS
    ]
    return "```\n" + "\n".join(lines) + "\n```\n"


_KEY_HEAD = ["key", "default", "meaning"]


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _row(name: str, field: FieldInfo) -> list[str]:
    return [f"`{name}`", _default(field), f"{field.description}{_choices(field.annotation)}"]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if field.default is None:
        return ""
    if isinstance(field.default, dict):
        inner = ", ".join(f'{key} = "{value}"' for key, value in field.default.items())
        return f"`{{ {inner} }}`" if inner else "`{}`"
    if isinstance(field.default, list):
        return f"`[{', '.join(map(_toml, field.default))}]`"
    return f"`{_toml(field.default)}`"


def _toml(value: object) -> str:
    return tomli_w.dumps({"x": value}).strip().removeprefix("x = ")


def _choices(kind: Any) -> str:
    """Return what a key may be, where that is a list of names."""
    several = get_origin(kind) is list
    named = get_args(kind)[0] if several else kind
    if get_origin(named) is not Literal or "" in get_args(named):
        return ""
    names = ", ".join(f"`{name}`" for name in get_args(named))
    return f"; {'any' if several else 'one'} of {names}"


TABLES: dict[str, Callable[[], str]] = {
    "columns": columns,
    "features": features,
    "rfm": rfm_groups,
    "keys": keys,
    "contents": contents,
    "functions": functions,
    "imports": imports,
}


if __name__ == "__main__":
    main()
