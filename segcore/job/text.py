"""Jobs as TOML: read, written, and as a commented template."""

from __future__ import annotations

import json
import tomllib
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from segcore import errors, schema
from segcore.job.extra import Extra
from segcore.job.join import Join
from segcore.job.tables import Job

MOST_CHARACTERS = 1_000_000
# Tables that a job has only where they are wanted.
_LISTS: dict[str, type[BaseModel]] = {"extra": Extra, "join": Join}
_MOST_PROBLEMS = 20


def resolve(text: str, overrides: dict[str, Any] | None = None, *, source: str = "job") -> Job:
    """Parse a TOML job and lay overrides over it.

    Parameters
    ----------
    text : str
        TOML.
    overrides : dict, optional
        Dotted key to value, such as ``{"selection.k": 4}``; they win over the text.
    source : str
        Where the text came from, for the error.

    Raises
    ------
    segcore.errors.JobError
        If the text is no TOML, a key is unknown or a value is out of range.
    """
    if len(text) > MOST_CHARACTERS:
        raise errors.JobError(
            f"{source}: has more than {MOST_CHARACTERS:,} characters, as no job has; is it a job file?"
        )
    try:
        data = tomllib.loads(text)
    except RecursionError as exc:
        raise errors.JobError(f"{source}: is nested too deeply; a job has tables of plain values") from exc
    except ValueError as exc:  # a number of thousands of digits is none to Python
        raise errors.JobError(f"{source}: not valid TOML: {exc}") from exc
    for key, value in (overrides or {}).items():
        *tables, last = key.split(".")
        table = data
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    try:
        return Job.model_validate(data)
    except ValidationError as exc:
        blamed = f"given beside {source}" if overrides and _is_valid(tomllib.loads(text)) else source
        raise errors.JobError(f"{blamed}: {_problems(exc)}") from exc


def _is_valid(data: dict[str, Any]) -> bool:
    try:
        Job.model_validate(data)
    except ValidationError:
        return False
    return True


def _problems(exc: ValidationError) -> str:
    """Return all that is wrong with a job, in one line."""
    problems = [*dict.fromkeys(map(_problem, exc.errors(include_url=False)))]
    rest = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
    return "; ".join(problems[:_MOST_PROBLEMS]) + rest


def _problem(problem: ErrorDetails) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(problem["loc"])
        return f"unknown key {where!r}{errors.did_you_mean(str(problem['loc'][-1]), known)}; known here: " + (
            errors.listing(known, most=30)
        )
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Job
    for part in loc[:-1]:
        if isinstance(part, str):  # not the place in a list of tables
            annotation = model.model_fields[part].annotation
            inner = (annotation, *get_args(annotation))
            model = next((one for one in inner if _is_table(one)), model)
    return list(model.model_fields)


def to_toml(job: Job) -> str:
    """Return the job as TOML, every value spelled out except empty ones."""
    import tomli_w

    return tomli_w.dumps(job.model_dump(exclude_none=True))


def commented(job: Job) -> str:
    """Return the job as TOML, with the meaning of every key of a table above it."""
    lines, model = [], None
    for line in to_toml(job).splitlines():
        if line.startswith("["):
            field = Job.model_fields.get(line.strip("[]"))
            model = field.annotation if field is not None and _is_table(field.annotation) else None
        key = line.partition(" = ")[0]
        if model is not None and key in model.model_fields:
            lines.append(f"# {model.model_fields[key].description}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def template() -> str:
    """Return a job file with every key, its default and its meaning; keys without a default stand commented out."""
    parts = ["# A segcore job with every key at its default.\n"]
    plain = {name: field for name, field in Job.model_fields.items() if not _is_table(field.annotation)}
    parts += [
        _template_line(name, field) for name, field in plain.items() if name not in ("columns", *_LISTS)
    ]
    parts.append(
        f"# {Job.model_fields['columns'].description}; without it known headers are recognised\n[columns]"
    )
    parts += [f'# {column.name} = ""  # {column.meaning}' for column in schema.LINE_COLUMNS]
    for name, field in Job.model_fields.items():
        model = field.annotation
        if _is_table(model):
            parts.append(f"\n# {(model.__doc__ or '').strip()}\n[{name}]")
            parts += [_template_line(key, inner) for key, inner in model.model_fields.items()]
        if name in _LISTS:
            parts.append(f"\n# {(_LISTS[name].__doc__ or '').strip()}\n# [[{name}]]")
            parts += [_commented(key, inner) for key, inner in _LISTS[name].model_fields.items()]
    return "\n".join(parts) + "\n"


def json_schema() -> str:
    """Return the JSON schema of a job file, for editors that complete and check TOML by it."""
    return json.dumps(Job.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def _is_table(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _commented(name: str, field: FieldInfo) -> str:
    """Return a key of a table that a job has only where it is wanted."""
    import tomli_w

    value = "" if field.is_required() else tomli_w.dumps({name: field.default}).strip().partition("= ")[2]
    return f"# {name} = {value}".rstrip() + f"  # {field.description}"


def _template_line(name: str, field: FieldInfo) -> str:
    import tomli_w

    if field.default is None:
        return f"# {field.description}\n# {name} ="
    value = tomli_w.dumps({name: field.default}).strip()
    if isinstance(field.default, dict):
        inner = ", ".join(f'{key} = "{value}"' for key, value in field.default.items())
        value = f"{name} = {{ {inner} }}" if inner else f"{name} = {{}}"
    return f"# {field.description}\n{value}"
