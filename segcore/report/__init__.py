"""The report: one HTML file that opens offline, or the same content as Markdown, from a finished run.

It reads `manifest.json`, `job.toml`, `ledger.json`, `profile.parquet`, `candidates.parquet`, `tables/*.parquet` and
the first of `rejects/*.parquet`; never a file that grows with the number of customers. A table that the run does
not have is a part that the report does not have. Three files are there only sometimes: `lineage.json`, `movement.json`
and `drift.json`, see `segcore.records`.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
from markupsafe import Markup

from segcore.report import trial_page
from segcore.report.context import context
from segcore.report.formatting import md, md_head
from segcore.report.report_data import load

__all__ = ["build", "build_markdown", "build_trial", "trial_page"]


def build(run_dir: Path, *, show_ids: bool = False) -> str:
    """Return the report of a finished run as one HTML page.

    Parameters
    ----------
    run_dir : Path
        The run's directory, with its manifest.
    show_ids : bool
        Whether typical customers are shown with their ids, which are personal data.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If the directory is no finished run.
    segcore.errors.JobError
        If its job.toml cannot be read.
    """
    script = _asset("page.js")
    return (
        _environment(autoescape=True)
        .get_template("page.html.j2")
        .render(
            **context(load(run_dir), show_ids=show_ids),
            style=Markup(_asset("style.css")),
            script=Markup(script),
            script_hash=Markup(_hash(script)),
        )
    )


def build_markdown(run_dir: Path, *, show_ids: bool = False) -> str:
    """Return the report of a finished run as Markdown with tables, for a chat or a wiki.

    Parameters and errors are those of `build`.
    """
    content = context(load(run_dir), show_ids=show_ids)
    return (
        _environment(autoescape=False, finalize=md)
        .get_template("report.md.j2")
        .render(**content, head=md_head)
    )


def build_trial(table: pl.DataFrame, *, title: str, deck: str, currency: str = "") -> str:
    """Return a page of what a holdout can show, or of what a treatment changed.

    Parameters
    ----------
    table : polars.DataFrame
        As :func:`segcore.trial.holdout.sizes` or :func:`segcore.trial.readout.compare` returns it.
    title, deck : str
    currency : str
    """
    headings, rows = trial_page.cells(table, currency)
    template = _environment(autoescape=True).get_template("trial.html.j2")
    return template.render(
        title=title, deck=deck, headings=headings, rows=rows, style=Markup(_asset("style.css"))
    )


@cache  # with the templates that it has compiled
def _environment(**options: Any) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("segcore.report", "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )


def _asset(name: str) -> str:
    return resources.files("segcore.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Return the source expression that lets a page's policy run this script and no other."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
