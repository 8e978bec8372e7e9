"""A published run that is damaged or gone stops no later night, and is named to whoever reads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from segcore import errors, pipeline, storage
from segcore.pipeline.finished import previous_run
from tests.operations import disk_steps
from tests.operations.damage import OLDER, STATES, State, lines, night, two_runs

# Whole nights on these in every run of the tests, on all of them in the long one.
QUICK = (
    "latest.json empty",
    "no run",
    "manifest.json half",
    "segments with a flipped bit",
    "profile.parquet gone",
)


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lines(tmp_path_factory.mktemp("lines"))


@pytest.fixture(scope="module")
def whole(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    two_runs(dump, out)
    return out


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))


def harmed(out: Path, state: State) -> Path:
    run = Path(out, json.loads((out / "latest.json").read_text())["run"])
    state.harm(out, run)
    return run


def by_name(state: State) -> str:
    return state.name


def test_there_are_enough_states() -> None:
    assert len({state.name for state in STATES}) == len(STATES) >= 60
    assert {*QUICK} <= {state.name for state in STATES}


def test_what_is_whole_is_followed_and_listed(out: Path) -> None:
    with ExitStack() as stack:
        found = previous_run.of(out, None, stack, warn=pytest.fail)
    assert found is not None
    _head, older, published = pipeline.list_runs(out)
    assert "  published" in older
    assert "  latest, no admissible candidate" in published


@pytest.mark.parametrize("state", STATES, ids=by_name)
def test_nothing_is_followed_and_the_run_is_listed_as_damaged(out: Path, state: State) -> None:
    run = harmed(out, state)
    said: list[str] = []
    with ExitStack() as stack:
        assert previous_run.of(out, None, stack, warn=said.append) is None
        assert previous_run.unfinished(out, out / "work") is None
    assert len(said) == 1
    assert said[0].startswith("no previous run is followed: ")
    assert state.named in said[0]
    assert "\n" not in said[0]
    _head, older, *others = pipeline.list_runs(out)
    assert older.split()[2] == OLDER
    assert "  published" in older
    listed = [text for text in others if "damaged: " in text or text.startswith(str(out / "latest.json"))]
    assert len(listed) == 1, others
    if not state.name.startswith(("latest", "no run", "an empty", "a file for", "manifest.json gone")):
        assert run.name in listed[0]
        assert "  latest, damaged: " in listed[0]


@pytest.mark.parametrize("state", STATES, ids=by_name)
def test_every_reader_names_it_in_one_line(dump: Path, out: Path, tmp_path: Path, state: State) -> None:
    harmed(out, state)
    readers: dict[str, Callable[[], object]] = {
        "explain": lambda: pipeline.explain_customer("7", out),
        "compare": lambda: pipeline.compare_runs(out / "runs" / OLDER, out),
        "report": lambda: pipeline.rebuild_report(out),
        "score --model": lambda: pipeline.score(dump, tmp_path / "scored", model=out, quiet=True),
        "--previous": lambda: night(dump, tmp_path / "next", previous=out),
    }
    for name, read in readers.items():
        with pytest.raises(errors.InputNotFoundError) as refused:
            read()
        assert refused.value.exit_code == 66
        assert state.named in str(refused.value), name
        assert "\n" not in str(refused.value), name
    assert not (tmp_path / "scored").exists()
    assert not (tmp_path / "next").exists()


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(state, marks=[] if state.name in QUICK else pytest.mark.slow, id=state.name)
        for state in STATES
    ],
)
def test_the_next_night_warns_follows_nothing_and_publishes(dump: Path, out: Path, state: State) -> None:
    harmed(out, state)
    run = night(dump, out, seed=1).folder
    assert json.loads((out / "latest.json").read_text()) == {"run": f"runs/{run.name}"}
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["identity"]["previous"] is None
    followed = [text for text in manifest["warnings"] if text.startswith("no previous run is followed: ")]
    assert len(followed) == 1
    assert state.named in followed[0]
    assert not (out / "work").exists()
    assert "  latest, no admissible candidate" in pipeline.list_runs(out)[-1]
    with ExitStack() as stack:
        assert previous_run.of(out, None, stack, warn=pytest.fail) is not None


def test_a_damaged_run_is_not_pruned_and_counts_for_nothing(out: Path) -> None:
    """Nobody knows whose it is; and it takes the place of none that is whole."""
    run = out / json.loads((out / "latest.json").read_text())["run"]
    (run / "manifest.json").write_text("{")
    disk_steps.work(out)
    (new,) = {path.name for path in (out / "runs").iterdir()} - {run.name, OLDER}
    assert not (out / "runs" / OLDER).exists()
    assert json.loads((out / "latest.json").read_text()) == {"run": f"runs/{new}"}


def test_nothing_is_pruned_while_nobody_knows_what_is_published(out: Path) -> None:
    (out / "latest.json").write_text("{")
    with storage.workspace(out, disk_steps.MARK) as work:
        assert work.prune(1) == []
    assert len(list((out / "runs").iterdir())) == 2


def test_a_folder_in_the_place_of_latest_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "latest.json").mkdir()
    with (
        pytest.raises(errors.OutputError, match=r"latest.json: is a folder, .*; move it"),
        storage.workspace(tmp_path, disk_steps.MARK),
    ):
        pass
