"""A job completed by what is known of the system that its input is an export of; what the job says itself wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segcore import errors, expressions, job
from segcore.ingest import contents
from segcore.ingest.column_names import folded
from segcore.ingest.contents import Content
from segcore.ingest.prepared import Prepared
from segcore.ingest.systems import SYSTEMS, System

NONE = "none"
_COLUMNS = {"cleaning.line_discount", "cleaning.order_discount", "cleaning.order_refund"}
_MONEY = {"quantity", "unit_price", "line_amount"}


def check_name(name: str) -> None:
    """Refuse a name of no system.

    Raises
    ------
    segcore.errors.JobError
    """
    if name not in ("", NONE, *SYSTEMS):
        raise errors.JobError(
            f"input.preset = {name!r} is no known system{errors.did_you_mean(name, SYSTEMS)}; expected {NONE} or one of "
            f"{errors.listing(SYSTEMS, most=99)}"
        )


def before_reading(settings: job.Job) -> job.Job:
    """Return a job with what its system says of how files are laid out.

    Raises
    ------
    segcore.errors.JobError
        If there is no such system.
    """
    name = settings.input.preset
    check_name(name)
    if name in ("", NONE):
        return settings
    layout = {key: value for key, value in SYSTEMS[name].settings.items() if key.startswith("input.")}
    return _with_settings(settings, layout)


def of_files(files: Sequence[Prepared], settings: job.Job) -> tuple[str, bool]:
    """Return the name of the system that all files are exports of, and whether the job is read so; empty without one."""
    wanted = settings.input.preset
    if wanted:
        return ("", False) if wanted == NONE else (wanted, True)
    systems = {_of_header(file.names) for file in files}
    name = systems.pop() if len(systems) == 1 else ""
    return name, bool(name) and SYSTEMS[name].automatic


def _of_header(header: Sequence[str]) -> str:
    there = {folded(name) for name in header}
    fitting = [
        name for name, one in SYSTEMS.items() if one.header and there >= {folded(each) for each in one.header}
    ]
    return max(fitting, key=lambda name: len(SYSTEMS[name].header), default="")


def completed(files: Sequence[Prepared], settings: job.Job) -> job.Job:
    """Return a job with the columns, rules and other keys of the system that its files are exports of.

    A column counts as there if every file has it.
    """
    name, used = of_files(files, settings)
    if not used or not files:
        return settings
    system = SYSTEMS[name]
    common = [one for one in files[0].names if all(one in file.names for file in files)]
    there = {folded(one): one for one in reversed(common)}
    names = {folded(name) for some in system.columns.values() for name in some}
    known = (
        contents.of_columns(files, settings.input.null_texts, lambda name: folded(name) in names)
        if _alike(files)
        else {}
    )
    columns = _columns(system, there, known)
    if _MONEY & set(settings.columns):
        columns = {canonical: column for canonical, column in columns.items() if canonical not in _MONEY}
    keep = settings.cleaning.keep or " AND ".join(_conditions(system, common))
    cleaning = settings.cleaning.model_copy(update={"keep": keep})
    given = settings.input.model_copy(update={"preset": name})
    complete = settings.model_copy(
        update={"columns": {**columns, **settings.columns}, "cleaning": cleaning, "input": given}
    )
    return _with_settings(complete, _of_these(system, common))


def _of_these(system: System, header: Sequence[str]) -> dict[str, Any]:
    """Return a system's other keys, without columns that are not there."""
    return {key: value for key, value in system.settings.items() if key not in _COLUMNS or value in header}


def _alike(files: Sequence[Prepared]) -> bool:
    return len({frozenset(file.names) for file in files}) == 1


def _columns(
    system: System, there: Mapping[str, str], known: Mapping[str, Content]
) -> dict[str, str | list[str]]:
    columns: dict[str, str | list[str]] = {}
    for canonical, names in system.columns.items():
        if not system.header:
            columns[canonical] = names[0]
            continue
        present = [there[folded(name)] for name in names if folded(name) in there]
        filled = [name for name in present if name not in known or not known[name].empty]
        if canonical == "customer_id":
            columns[canonical] = present if len(present) > 1 else present[0]
        elif filled or present:
            columns[canonical] = (filled or present)[0]
    time = there.get(folded(system.time)) if system.time else None
    date = columns.get("ordered_at")
    if time is not None and isinstance(date, str):
        columns["ordered_at"] = [date, time]
    return columns


def _conditions(system: System, header: Sequence[str]) -> list[str]:
    return [one for one in system.keep if set(expressions.columns_in(one)) <= set(header)]


def _with_settings(settings: job.Job, wanted: Mapping[str, Any]) -> job.Job:
    """Return a job with some keys, where it does not say otherwise."""
    for key, value in wanted.items():
        name, _, inner = key.partition(".")
        table = getattr(settings, name)
        if getattr(table, inner) == type(table).model_fields[inner].default:
            settings = settings.model_copy(update={name: table.model_copy(update={inner: value})})
    return settings


def sentence(name: str, used: bool) -> str:
    """Return what is known of an input, for people; empty where nothing is."""
    if not name:
        return ""
    title = SYSTEMS[name].title
    if used:
        return f'read as an export of {title}: input.preset = "none" reads it without what is known of it'
    return f"looks like {title}: --preset {name} reads it by what is known of it"
