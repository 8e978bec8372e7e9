"""The pages that people read say what the code says: every path, link, command, option, key and exit code."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from segcore import errors, job, schema
from segcore.cli import cli
from tests.documents import pages as of
from tests.documents.pages import ROOT, Page
from tests.documents.tables import renewed

PAGES = of.pages()
# Options of click itself, and of systemctl, docker, Dask, pip, Python and mypy.
OF_OTHERS = {"--help", "--version", "--file", "--tag", "--now", "--host", "--port", "--nthreads"} | {
    "--memory-limit",
    "--no-build-isolation",
    "--no-deps",
    "--require-hashes",
    "--requirement",
    "--upgrade-package",
    "--editable",
    "--strict",
    "--upgrade",
    *("--source", "--hive"),  # of BigQuery's bq, cut at the underscore
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
JOBS = of.page("jobs/README.md")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_every_folder_that_one_enters_has_its_page() -> None:
    expected = {
        "README.md",
        "data/README.md",
        "jobs/README.md",
        "tests/README.md",
        "tests/benchmarks/README.md",
    }
    expected |= {"segcore/README.md", "segcore/evaluation/README.md"}
    assert {page.name for page in PAGES} == expected | {".github/CONTRIBUTING.md", ".github/SECURITY.md"}


def test_the_first_page_is_read_in_ten_minutes() -> None:
    assert len(of.page("README.md").text.split()) <= 1_800


@every_page
def test_every_link_leads_somewhere(page: Page) -> None:
    for link in page.links:
        path, _, anchor = link.partition("#")
        assert "://" not in path or path.startswith("https://"), link
        if "://" in path:
            continue
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.exists(), link
        assert ROOT in (target, *target.parents), link
        if anchor:
            assert anchor in Page(path=target).anchors, link


@every_page
def test_every_path_it_names_exists(page: Page) -> None:
    for path in page.paths:
        assert list(ROOT.glob(path.rstrip("/"))), path


@every_page
def test_every_target_of_make_it_names_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+) *\?=", MAKEFILE, re.MULTILINE))
    for command in page.commands:
        if command[0] == "make":
            assert {word for word in command[1:] if "=" not in word} <= targets, command
            assert {word.partition("=")[0] for word in command[1:] if "=" in word} <= variables, command


@every_page
def test_every_command_it_names_exists_with_its_options(page: Page) -> None:
    for name, options in _of_segcore(page):
        assert name in cli.commands, name
        assert options <= _options(cli.commands[name]), name


def _of_segcore(page: Page) -> Iterator[tuple[str, set[str]]]:
    for words in page.commands:
        if os.path.basename(words[0]) == "segcore" and len(words) > 1 and not words[1].startswith("-"):
            yield words[1], {word.partition("=")[0] for word in words if word.startswith("--")}


def _options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


@every_page
def test_every_option_it_names_is_one(page: Page) -> None:
    known = set().union(*(_options(command) for command in (cli, *cli.commands.values())), OF_OTHERS)
    assert set(re.findall(r"(?<![-\w<!])--[a-z][a-z-]+", page.text)) <= known


@every_page
def test_every_module_it_runs_exists(page: Page) -> None:
    for module in re.findall(r"python -m (tests\.[\w.]+)", page.text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


@every_page
def test_every_job_in_it_is_a_job(page: Page) -> None:
    for block in page.blocks:
        if block.language == "toml":
            job.resolve(block.text)


@every_page
def test_every_key_of_a_job_it_names_exists(page: Page) -> None:
    """``[selection]``, ``[matrix] columns``, ``[features.own]`` and ``selection.leeway``; no files called like a table."""
    tables = "|".join(name for name in job.Job.model_fields if name != "seed")
    files = "csv|html|json|md|parquet"
    for span in page.spans:
        if bracketed := re.match(r"\[\[?([a-z_.]+)\]\]?(?: ([a-z_]+))?", span):
            assert _is_key(".".join(filter(None, bracketed.groups()))), span
            if " = " in span:
                job.resolve(span.replace("] ", "]\n", 1))
        elif re.fullmatch(rf"(?:{tables})\.(?!(?:{files})$)[a-z_]+(?: = .*)?", span):
            assert _is_key(span.split(" ")[0]), span


def _is_key(dotted: str) -> bool:
    table, _, key = dotted.partition(".")
    if not key or table not in job.Job.model_fields:
        return table in job.Job.model_fields
    if table == "columns":
        return key in schema.LINE_NAMES
    model = job.Extra if table == "extra" else type(getattr(job.Job(), table))
    return key in getattr(model, "model_fields", ())


@every_page
def test_every_variable_of_the_environment_it_names_is_read(page: Page) -> None:
    options = {p.envvar for command in (cli, *cli.commands.values()) for p in command.params}
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for name in re.findall(r"SEGCORE_[A-Z_]+[A-Z]", page.text):
        assert name in options or f'environ.get("{name}")' in code, name


def test_an_options_variable_is_its_name_in_capitals() -> None:
    for command in cli.commands.values():
        for parameter in command.params:
            if isinstance(parameter.envvar, str):
                (name,) = (option for option in parameter.opts if option.startswith("--"))
                assert parameter.envvar == "SEGCORE_" + name[2:].replace("-", "_").upper()


@every_page
def test_its_tables_are_those_of_the_code(page: Page) -> None:
    assert page.text == renewed(page), "write them anew: python -m tests.documents.tables"


def test_keys_columns_and_features_are_on_the_page_of_jobs() -> None:
    for table in ("columns", "features", "keys"):
        assert f"<!-- generated: {table} -->" in JOBS.text


def test_exit_codes_are_those_of_the_errors() -> None:
    kinds: list[type[errors.SegcoreError]] = [errors.SegcoreError, *errors.SegcoreError.__subclasses__()]
    codes = {kind.exit_code for kind in kinds}
    told = re.findall(r"^\| (\d+) \|", JOBS.text, re.MULTILINE)
    # Done; Ctrl-C, a kill and SIGTERM, which no error stands for.
    assert set(map(int, told)) == codes | {0, 130, 137, 143}
    assert len(told) == len(set(told))


def test_what_the_schedules_try_again_is_what_the_page_says() -> None:
    from tests.operations.test_schedules import FINAL

    rows = re.findall(r"^\| (\d+) \| .*? \| (.*?) \|", JOBS.text, re.MULTILINE)
    assert {int(code) for code, what in rows if what == "no retry"} == FINAL


def test_a_command_is_found_where_it_stands() -> None:
    """The reader of pages itself: a fenced command over two lines, one in a sentence, and none in plain text."""
    text = "Run `segcore runs OUT`.\n\n```sh\nsegcore segment in \\\n  --out out  # now\n```\n\nIt's a plan."
    page = Page(path=ROOT / "README.md")
    page.__dict__["text"] = text
    assert page.commands == [shlex.split("segcore segment in --out out"), ["segcore", "runs", "OUT"]]
