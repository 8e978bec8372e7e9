"""What others have put beside segcore's own files, by whatever name, is there afterwards as it was; on a disk and in a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segcore import errors, storage
from segcore.storage import Place
from tests.operations import disk_steps
from tests.stores.server import Store

M, N = disk_steps.MARK, "fedcba9876543210"
OLDER = "20190101T000000Z-00000000"
STRANGERS = {
    "work/thesis/chapter.txt": "chapter",
    "work/thesis/begun.json": '{"begun": "2026-01-01T00:00:00+00:00"}',
    "work/notes.txt": "notes",
    "work/begun.json": "mine",
    "work/1111111111111111/data.csv": "a fingerprint's shape, and no clock",
    "work/2222222222222222": "a file",
    "work/333333333333333G/begun.json": "{}",
    "work/0123456789ABCDEF/begun.json": "{}",
    "work/0123456789abcdef0/begun.json": "{}",
    "work/0123456789abcdef.bak/begun.json": "{}",
    "work/mine.part/x": "x",
    "runs/mine/manifest.json": '{"run_id": "mine"}',
    "runs/mine/data.csv": "1",
    "runs/readme.txt": "runs",
    "runs/20180101T000000Z-00000000.bak/manifest.json": '{"run_id": "20180101T000000Z-00000000.bak"}',
    "runs/20180101T000000Z-11111111/manifest.json": '{"run_id": "20180101T000000Z-22222222"}',
    "runs/20180101T000000Z-33333333/manifest.json": "{",
    "runs/20180101T000000Z-44444444/manifest.json": "[]",
    "runs/20180101T000000Z-55555555": "a file",
    ".part/thesis.txt": "part",
    ".part/mine/x": "x",
    "begun.json": "{}",
    "latest.json.bak": "{}",
    "lines.csv": "1",
    "model/run/manifest.json": "{}",
}


@pytest.fixture(params=["disk", "store"])
def out(request: pytest.FixtureRequest, here: Store, tmp_path: Path) -> Place:
    return tmp_path / "out" if request.param == "disk" else "s3://shop/out"


def put_own(out: Place) -> None:
    """Two published runs, and the stages of a run that was killed and has another input now."""
    for run_id in (OLDER, disk_steps.OLD):
        storage.write_json(
            storage.join(out, "runs", run_id, "manifest.json"), {"name": "run", "files": 3, "run_id": run_id}
        )
        storage.write_text(storage.join(out, "runs", run_id, "inner/part-0"), "run")
    storage.write_json(storage.join(out, "latest.json"), {"run": f"runs/{disk_steps.OLD}"})
    storage.write_json(storage.join(out, "work", N, "begun.json"), {"begun": "2026-01-01T00:00:00+00:00"})
    storage.write_text(storage.join(out, "work", N, "first/inner/part-0"), "first")


def strangers(out: Place) -> dict[str, str]:
    return {
        name: storage.read(storage.join(out, name)).decode()
        for name in STRANGERS
        if storage.exists(storage.join(out, name))
    }


def test_nothing_of_others_is_removed(out: Place) -> None:
    put_own(out)
    for name, text in STRANGERS.items():
        storage.write_text(storage.join(out, name), text)
    disk_steps.work(out)
    assert strangers(out) == STRANGERS
    own = {name for name in storage.list_files(out) if name not in STRANGERS} - {".lock", "work/.segcore"}
    (run,) = {name.split("/")[1] for name in own if name.startswith("runs/")}
    assert run.endswith(M[:8])
    assert {name for name in own if not name.startswith("runs/")} == {"latest.json"}
    # The next night finds its own folder again, whatever others have put into it.
    disk_steps.work(out)
    assert strangers(out) == STRANGERS


def test_what_is_half_removed_or_half_moved_is_swept(tmp_path: Path) -> None:
    put_own(tmp_path)
    storage.write_text(tmp_path / ".part" / OLDER / "inner/part-0", "run")
    disk_steps.work(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"latest.json", "runs", ".lock"}


def test_links_lead_to_things_of_others(tmp_path: Path) -> None:
    theirs, out = tmp_path / "theirs", tmp_path / "out"
    put_own(theirs)
    put_own(out)
    kept = {name: (theirs / name).read_bytes() for name in storage.list_files(theirs)}
    linked = "20180101T000000Z-66666666"
    storage.write_json(theirs / "runs" / linked / "manifest.json", {"run_id": linked})
    (out / ".part").mkdir()
    for name, target in {
        "work/1111111111111111": f"work/{N}",
        f"runs/{linked}": f"runs/{linked}",
        f".part/{linked}": f"runs/{OLDER}",
    }.items():
        (out / name).symlink_to(theirs / target)
    disk_steps.work(out)
    assert {name: (theirs / name).read_bytes() for name in kept} == kept
    assert (theirs / "runs" / linked / "manifest.json").is_file()
    assert (out / "work/1111111111111111").is_symlink()
    assert (out / "runs" / linked).is_symlink()
    assert not (out / "work" / N).exists()
    assert not (out / "runs" / OLDER).exists()


@pytest.mark.parametrize("scratch", [False, True])
def test_a_work_folder_of_somebody_else_is_refused_by_name(tmp_path: Path, scratch: bool) -> None:
    stages = Path(storage.stages_of(tmp_path / "out", tmp_path / "scratch" if scratch else None))
    (stages / "thesis").mkdir(parents=True)
    (stages / "thesis/chapter.txt").write_text("chapter")
    with (
        pytest.raises(
            errors.OutputError, match=r"is not segcore's, for it holds thesis, .*--scratch"
        ) as refused,
        storage.workspace(tmp_path / "out", M, scratch=tmp_path / "scratch" if scratch else None),
    ):
        pass
    assert str(refused.value).startswith(f"{stages}: ")
    assert (stages / "thesis/chapter.txt").read_text() == "chapter"
    assert [path.name for path in stages.iterdir()] == ["thesis"]


@pytest.mark.parametrize("name", ["work", ".part", "dangling"])
def test_a_link_in_place_of_an_own_folder_is_refused_by_name(tmp_path: Path, name: str) -> None:
    theirs, out = tmp_path / "theirs", tmp_path / "out"
    put_own(theirs)
    link = out / ("work" if name == "dangling" else name)
    out.mkdir()
    link.symlink_to(tmp_path / "nowhere" if name == "dangling" else theirs / "work")
    with pytest.raises(errors.OutputError, match=f"^{link}: is a link"), storage.workspace(out, M):
        pass
    assert (theirs / "work" / N / "first/inner/part-0").is_file()
    assert link.is_symlink()


def test_a_file_in_place_of_the_work_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("mine")
    with pytest.raises(errors.OutputError, match=r"work: cannot be written: File exists"):
        disk_steps.work(tmp_path)
    assert (tmp_path / "work").read_text() == "mine"


def test_a_folder_of_this_fingerprint_without_a_clock_is_refused(tmp_path: Path) -> None:
    put_own(tmp_path)
    storage.write_text(tmp_path / "work" / M / "mine.txt", "mine")
    with pytest.raises(errors.OutputError, match=rf"{M}: is not segcore's, for it has no begun.json"):
        disk_steps.work(tmp_path)
    assert (tmp_path / "work" / M / "mine.txt").read_text() == "mine"


def test_temporary_folders_of_others_stay(here: Store, tmp_path: Path) -> None:
    with storage.private_folder() as folder:
        base = folder.parent.parent
    (base / "thesis").mkdir()
    (base / "thesis/chapter.txt").write_text("chapter")
    (base / "empty").mkdir()  # as of a process that died at once
    (base / "link").symlink_to(tmp_path)
    with storage.private_folder():
        assert (base / "thesis/chapter.txt").read_text() == "chapter"
        assert (base / "link").is_symlink()
        assert not (base / "empty").exists()


def test_a_manifest_that_is_no_text_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "runs" / OLDER / "manifest.json"
    storage.write(path, b"\xff\xfe\x00")
    disk_steps.work(tmp_path)
    assert path.read_bytes() == b"\xff\xfe\x00"


def test_a_damaged_clock_lets_the_run_begin_anew(out: Place) -> None:
    for text in ("", "{", "[]", '{"begun": 1}', '{"begun": "yesterday"}', "{}"):
        said: list[str] = []
        with storage.workspace(out, M) as work, work.stage("first") as folder:
            disk_steps.make(folder, "first")
        storage.write_text(storage.join(out, "work", M, "begun.json"), text)
        with storage.workspace(out, M, log=said.append) as work:
            assert not work.finished("first")
            assert json.loads(storage.read(storage.join(out, "work", M, "begun.json")))["begun"]
        assert len(said) == 1, text
        assert said[0].endswith("begun.json: is damaged; all stages are made again")


@pytest.mark.parametrize("text", ["", "{}", '{"run": "yesterday"}', "[1]"])
def test_a_latest_json_of_somebody_else_is_refused_by_name(out: Place, text: str) -> None:
    latest = storage.join(out, "latest.json")
    storage.write_text(latest, text)
    with pytest.raises(errors.OutputError, match="there is no run beside it; move it") as refused:
        disk_steps.work(out)
    assert str(refused.value).startswith(f"{latest}: ")
    assert storage.read(latest).decode() == text
    put_own(out)
    storage.write_text(latest, text)
    disk_steps.work(out)  # where there are runs it is damaged
    assert json.loads(storage.read(latest))["run"].endswith(M[:8])


@pytest.mark.parametrize("name", ["runs", "history"])
def test_a_file_in_place_of_an_own_folder_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(errors.OutputError, match=f"{name}: is no folder"), storage.workspace(tmp_path, M):
        pass
    assert (tmp_path / name).read_text() == "mine"
    assert not (tmp_path / "work").exists()
