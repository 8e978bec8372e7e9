"""Laws of the workspace in a store: what is named is whole, whenever a start is killed and whoever else is at work."""

from __future__ import annotations

import json
import tempfile
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from segcore import errors, storage
from tests.operations import disk_steps
from tests.operations.processes import CONTEXT
from tests.stores import jobs
from tests.stores.server import Request, Store

OLD = disk_steps.OLD
M, N = disk_steps.MARK, "fedcba9876543210"


def _work(environment: dict[str, str], machine: Path, out: str) -> None:
    jobs.enter(environment, machine)
    disk_steps.work(out)


def start(store: Store, machine: Path, out: str) -> ForkServerProcess:
    process = CONTEXT.Process(target=_work, args=(store.environment, machine, f"s3://shop/{out}"))
    process.start()
    return process


def with_old_run(store: Store, out: str) -> None:
    files = {f"inner/part-{number}": b"run" for number in range(3)}
    about = {"manifest.json": json.dumps({"name": "run", "files": 3, "run_id": OLD}).encode()}
    store.put("shop", {f"{out}/runs/{OLD}/{name}": data for name, data in {**files, **about}.items()})
    store.put("shop", {f"{out}/latest.json": json.dumps({"run": f"runs/{OLD}"}).encode()})


def runs(store: Store, out: str) -> dict[str, list[str]]:
    """Return the names in each run that has a manifest; they have to be all of them."""
    keys = store.keys("shop", f"{out}/runs/")
    found: dict[str, list[str]] = {}
    for key in keys:
        _, _, run, name = key.split("/", 3)
        found.setdefault(run, []).append(name)
    return {run: names for run, names in found.items() if "manifest.json" in names}


WHOLE = ["inner/part-0", "inner/part-1", "inner/part-2", "manifest.json"]


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_before_any_request_leaves_what_is_named_whole(
    store: Store, tmp_path: Path, every: int
) -> None:
    changes = 0
    die_at = 0
    process: ForkServerProcess | None = None

    def before(request: Request) -> None:
        nonlocal changes
        changes += request.changes
        if request.changes and changes == die_at and process is not None:
            process.kill()
            process.join()

    with_old_run(store, "0")
    store.before = before
    process = start(store, tmp_path / "m", "0")
    process.join(60)
    assert process.exitcode == 0
    assert changes > 20  # the clock, two stages, publication, pruning and clearing: all are requests
    named = set()
    for number in range(1, changes + 1, every):
        out = str(number)
        store.before = lambda request: None
        with_old_run(store, out)
        changes, die_at, process = 0, number, None
        store.before = before
        process = start(store, tmp_path / "m", out)
        process.join(60)
        store.before = lambda request: None
        latest = json.loads(store.get("shop", f"{out}/latest.json"))["run"].removeprefix("runs/")
        assert runs(store, out)[latest] == WHOLE
        assert all(names == WHOLE for run, names in runs(store, out).items() if run != OLD)
        named.add(latest == OLD)
        again = start(store, tmp_path / "m", out)
        again.join(60)
        assert again.exitcode == 0
        (run,) = runs(store, out)
        assert store.keys("shop", f"{out}/") == [
            f"{out}/latest.json",
            *(f"{out}/runs/{run}/{n}" for n in WHOLE),
        ]
        assert json.loads(store.get("shop", f"{out}/latest.json")) == {"run": f"runs/{run}"}
    assert named == {True, False}
    assert jobs.left_on(tmp_path / "m") == []


def test_two_machines_at_once_publish_whole_runs(
    here: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A store has no lock: the later start sweeps the stages of the earlier one, which has its own copies.
    out = "s3://shop/out"
    with storage.workspace(out, M) as first:
        with first.stage("first") as folder:
            disk_steps.make(folder, "first")
        (tmp_path / "other").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "other"))
        with storage.workspace(out, N) as second:
            assert not storage.exists(f"{out}/work/{M}/first.json")
            for work, run_id in ((first, "1"), (second, "2")):
                with work.stage("run") as folder:
                    disk_steps.make(folder, "run")
                work.move("run", run_id)
                work.point_to(run_id)
                work.clear()
    assert runs(here, "out") == {"1": WHOLE, "2": WHOLE}
    assert json.loads(here.get("shop", "out/latest.json")) == {"run": "runs/2"}
    assert here.keys("shop", "out/work/") == []


def test_a_second_start_on_this_machine_is_told_who_is_there(here: Store) -> None:
    with storage.workspace("s3://shop/out", M) as work:
        with (
            pytest.raises(errors.BusyError, match=r"^s3://shop/out: another run is at work there \(process"),
            storage.workspace("s3://shop/out", M),
        ):
            pass
        with storage.workspace("s3://shop/other", M):
            assert work.folder.is_dir()


def test_where_a_worker_sees_a_stage(here: Store, tmp_path: Path) -> None:
    with storage.workspace(tmp_path, M, scratch="s3://scratch") as work:
        with work.stage("lines") as folder:
            url = work.shared(folder)
            assert url.startswith("s3://scratch/segcore-")
            assert url.endswith(f"/{M}/lines")
            storage.write(f"{url}/bucket", b"from a worker")
            (folder / "stage.json").write_text("{}")
            assert not work.finished("lines")
        assert work.shared(work.path("lines")) == url
        assert storage.list_files(url) == ["bucket", "stage.json"]
    with storage.workspace(tmp_path, M, scratch="s3://scratch") as work:  # as on another machine
        assert work.finished("lines")
        assert [path.name for path in work.path("lines").iterdir()] == ["stage.json"]
        with work.stage("lines"):
            assert storage.list_files(url) == []  # a stage starts clean
