"""No import runs back up the line of the design, each engine stays in its room, and segcore/README.md shows the house."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import pages

PACKAGE = Path(__file__).parent.parent / "segcore"
PAGE = pages.page("segcore/README.md")

# Lower layers first; a module may import its own layer's package and every layer below.
LAYERS: list[set[str]] = [
    {"errors", "failures", "arrays", "amounts", "cpus", "lookup", "times"},
    {"stores", "new_folder", "spreadsheet"},
    {"schema", "feature_identities", "run_contents"},
    {"records"},
    {"expressions"},
    {"job"},
    {"ingest", "lines", "matrix", "simulate", "download"},
    {"models"},
    {"evaluation", "selection", "profile", "tables", "explain", "changes", "outlook", "trial"},
    {"report"},
    {"pipeline"},
    {"cli"},
]
# These may import errors, failures, stores and cpus only; everybody from the pipeline up may use them, and `records`, which reads
# and writes a run's files.
BESIDE = {"storage", "engine", "progress", "logs", "stopping"}
# The rooms of the first layer, in the order in which the data pass.
ORDER = ["ingest", "lines", "matrix"]
# Within a package, the order in which its rooms stand: a room imports only those before it.
ROOMS_OF_PIPELINE = ["models", "finished", "core", "lines", "customers", "outputs", "inspection"]
# Modules that transform and never compute.
TRANSFORMS = [
    "lines/cleaning",
    "lines/shuffle",
    "lines/returns",
    "lines/orders",
    "lines/features",
    "lines/ledger",
]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name: str) -> int | None:
    return next((place for place, names in enumerate(LAYERS) if name in names), None)


def rooms_imported(path: Path) -> set[str]:
    parts = [name.split(".") for name in imported(path)]
    return {p[1] for p in parts if p[0] == "segcore" and len(p) > 1}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_import_runs_back_up(path: Path) -> None:
    own = room(path)
    known = {name for names in LAYERS for name in names} | BESIDE
    if own in ("__init__", "__main__"):
        return
    assert own in known, f"{own} has no place in the line: add it"
    for other in rooms_imported(path) & known - {own}:
        if own in BESIDE:
            assert other in {"errors", "failures", "stores", "cpus"} | BESIDE
        elif other in BESIDE:
            allowed = (own, other) == ("records", "storage") or (layer(own) or 0) >= len(LAYERS) - 2
            assert allowed, f"{own} should not touch {other}"
        else:
            assert (layer(other) or 0) <= (layer(own) or 0), f"{own} imports {other}"
            if own in ORDER and other in ORDER:
                assert ORDER.index(other) < ORDER.index(own), f"{own} imports {other}"


def room_of_pipeline(name: str) -> str | None:
    parts = name.split(".")
    inside = parts[:2] == ["segcore", "pipeline"] and len(parts) > 2
    return parts[2] if inside and parts[2] in ROOMS_OF_PIPELINE else None


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.glob("pipeline/*/*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_rooms_of_the_pipeline_stand_in_order(path: Path) -> None:
    own = path.parent.name
    assert own in ROOMS_OF_PIPELINE, f"pipeline/{own} has no place in the order: add it"
    for other in filter(None, map(room_of_pipeline, imported(path))):
        assert ROOMS_OF_PIPELINE.index(other) <= ROOMS_OF_PIPELINE.index(own), f"{own} imports {other}"
    commands = {
        name for name in imported(path) if name.startswith("segcore.pipeline.") and not room_of_pipeline(name)
    }
    assert not commands, f"{own} imports the commands {commands}"


def test_lines_are_transformed_in_the_order_of_the_data() -> None:
    order = [name.split("/")[1] for name in TRANSFORMS]
    for place, name in enumerate(order):
        names = set(imported(PACKAGE / f"lines/{name}.py"))
        assert not names & {f"segcore.lines.{later}" for later in order[place + 1 :]}


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("dask", {"engine", "matrix", "models"}),
        ("distributed", {"engine"}),
        ("dask_ml", {"models"}),
        ("fcntl", {"storage"}),
        ("altair", {"report"}),
        ("click", {"cli"}),
        ("rich", {"progress"}),
    ],
)
def test_each_engine_stays_in_its_room(package: str, rooms: set[str]) -> None:
    users = {
        room(path) for path in modules() if any(name.split(".")[0] == package for name in imported(path))
    }
    assert users <= rooms


def test_transforms_never_collect() -> None:
    for name in TRANSFORMS:
        text = (PACKAGE / f"{name}.py").read_text(encoding="utf-8")
        calls = [
            n
            for n in ast.walk(ast.parse(text))
            if isinstance(n, ast.Attribute) and n.attr.startswith("collect")
        ]
        assert {call.attr for call in calls} <= {"collect_schema"}


def test_sql_reaches_polars_in_one_place() -> None:
    names = {"sql", "sql_expr", "SQLContext"}
    users = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in names and isinstance(node.value, ast.Name)
    }
    assert users == {"expressions/parsing.py"}


def test_product_codes_stand_in_no_code() -> None:
    for path in modules():
        if room(path) != "simulate":
            assert "BANK CHARGES" not in path.read_text(encoding="utf-8")


# The page of the package shows what is there, and is what a newcomer looks things up in.


def _block(heading: str) -> list[str]:
    part = PAGE.text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return part.split("```")[1].strip().splitlines()


def _tree() -> dict[str, str]:
    """Return what the tree shows: a package (with ``/``) or module by its path, and the line about it."""
    shown: dict[str, str] = {}
    above: list[str] = []
    for line in filter(str.strip, _block("The tree")[1:]):
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        names, _, about = line.strip().partition("  ")
        above = above[:depth]
        for name in names.split():
            shown["".join(above) + name] = about
        above.append(names)
    return shown


def test_every_package_and_module_of_the_top_is_in_the_tree_and_nothing_else() -> None:
    packages = {f"{path.parent.relative_to(PACKAGE).as_posix()}/" for path in PACKAGE.rglob("*/__init__.py")}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert set(_tree()) == packages | modules


def test_every_module_that_a_line_of_the_tree_names_is_in_that_package() -> None:
    for package, about in _tree().items():
        for module in re.findall(r"\w+\.(?:py|toml)", about):
            assert (PACKAGE / package / module).is_file(), f"{package}{module}"


def test_the_line_of_imports_is_on_the_page() -> None:
    """That it is the one above is tested with all tables that are made."""
    assert "<!-- generated: imports -->" in PAGE.text


def test_what_stands_beside_the_line_and_the_rooms_of_the_pipeline_are_those_that_are_tested() -> None:
    beside, inside = re.search(
        r"-->\n\n(`storage`.*?) stand beside.*?Inside `pipeline/`.*?: (.*?),\s+then", PAGE.text, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    assert set(re.findall(r"`(\w+)`", beside)) == BESIDE
    assert re.findall(r"`(\w+)`", inside) == ROOMS_OF_PIPELINE


def test_where_to_change_what_names_places_that_exist() -> None:
    part = PAGE.text.split("## Where to change what\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!---|to change)(.+?) \| (.+?) \|", part, re.MULTILINE)
    assert len(rows) >= 15
    assert all("`segcore/" in place or "`jobs/" in place for _, place in rows)
    for path in PAGE.paths:
        assert list(pages.ROOT.glob(path.rstrip("/"))), (
            f"{path} is not there: put what took its place on the page"
        )
