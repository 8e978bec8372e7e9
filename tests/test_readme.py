"""The README says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from segcore import job, schema
from segcore.cli import cli

ROOT = Path(__file__).parent.parent
# Options of other commands, of systemctl, docker and Dask.
OF_OTHERS = {"--file", "--tag", "--now", "--choose", "--host", "--port", "--nthreads", "--memory-limit"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_feature_is_documented_from_the_schema() -> None:
    for feature in schema.FEATURES:
        assert f"| `{feature.name}` | {feature.unit} | {feature.meaning} |" in README


def test_every_column_of_a_line_is_documented_from_the_schema() -> None:
    for column in schema.LINE_COLUMNS:
        assert f"| `{column.name}` | {'yes' if column.required else ''} | {column.meaning} |" in README


def test_every_job_in_it_is_a_job() -> None:
    for text in re.findall(r"^ *```toml\n(.*?)```", README, re.DOTALL | re.MULTILINE):
        job.resolve(text)


def test_every_command_and_option_it_names_exists() -> None:
    options = {option for command in cli.commands.values() for p in command.params for option in p.opts}
    named = set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", README)) - OF_OTHERS
    assert named <= options
    assert set(re.findall(r"segcore ([a-z-]+) [A-Z.a-z-]*", README)) & set(cli.commands)


def test_every_file_and_target_it_names_exists() -> None:
    headings = re.findall(r"^#+ (.+)$", README, re.M)
    anchors = {"#" + re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for path in re.findall(r"\]\(([^)]+)\)", README):
        assert path in anchors or (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)", README):
        assert f"\n{target}:" in makefile, target
