"""The whole job with its input, its runs and its scratch in an object store."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.engine.dask_processes import dask_processes
from tests.operations.processes import ROOT, contents, files, segment_here, small_dump
from tests.stores import jobs
from tests.stores.server import KEY_ID, SECRET, Answer, Request, Store

OUT, SCRATCH = "s3://shop/segments", "s3://scratch/night"


@dataclass(frozen=True)
class Local:
    """The same job on a disk."""

    dump: Path
    run: Path

    @property
    def contents(self) -> dict[str, str]:
        return without_ledger(self.run)

    def job(self, folder: Path) -> Path:
        """Write the job that was run, with a clock of its own."""
        lines = (self.run / "job.toml").read_text().splitlines(keepends=True)
        path = folder / "job.toml"
        path.write_text("".join(line for line in lines if not line.startswith("latest")))
        return path

    @property
    def customer(self) -> str:
        return str(pl.read_parquet(self.run / "segments/part-00000.parquet")["customer_id"][0])


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    base = tmp_path_factory.mktemp("local")
    dump = small_dump(base / "dump")
    return Local(dump, segment_here(dump, base / "out"))


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    return tmp_path / "machine"


def without_ledger(run: Path) -> dict[str, str]:
    """Return digests of what does not name the input's files."""
    return {name: digest for name, digest in contents(run).items() if name != "ledger.json"}


def published(store: Store, to: Path) -> Path:
    """Fetch the run that latest.json names."""
    named = json.loads(store.get("shop", "segments/latest.json"))["run"]
    return store.fetch("shop", f"segments/{named}", to / Path(named).name)


def stages(run: Path) -> dict[str, bool]:
    """Return whether each stage had been finished by an earlier start."""
    return {s["name"]: s["resumed"] for s in json.loads((run / "manifest.json").read_text())["stages"]}


def test_the_job_in_a_store_ends_with_the_bytes_of_one_on_a_disk(
    store: Store, local: Local, tmp_path: Path, machine: Path
) -> None:
    store.put_folder(local.dump, "shop", "dump")
    store.requests.clear()
    arguments = ["segment", "s3://shop/dump", "--out", OUT, "--scratch", SCRATCH, "--log-format", "json"]
    code, said = jobs.command(store.environment, machine, *arguments, "--job", str(local.job(tmp_path)))
    assert code == 0, said
    run = published(store, tmp_path)
    assert f"{OUT}/runs/{run.name}/report.html" in said.splitlines()
    assert without_ledger(run) == local.contents
    assert files(run) == files(local.run)
    first, second = (json.loads((one / "ledger.json").read_text()) for one in (run, local.run))
    assert {**first, "by_file": 0} == {**second, "by_file": 0}

    # Stages went through the scratch, each with its mark last, and nothing is left of them there or here.
    marks = [path for path in written(store, "/scratch/") if path.endswith(".json") and path.count("/") == 5]
    names = [Path(path).stem for path in marks]
    assert names == ["begun", "input", "lines", "customers", "models", "run"]
    assert store.keys("scratch") == []
    assert jobs.left_on(machine) == []

    # Published without a rename: the objects, then the manifest, the night's customers, latest.json, and only then the
    # stages go.
    order = written(store, "/shop/segments/")
    assert order[-1] == "/shop/segments/latest.json"
    assert order[-2].startswith("/shop/segments/history/")
    assert order[-3] == f"/shop/segments/runs/{run.name}/manifest.json"
    assert {path.removeprefix(f"/shop/segments/runs/{run.name}/") for path in order[:-3]} == files(run) - {
        "manifest.json"
    }
    asked = [(r.method, r.path) for r in store.requests]
    between = store.requests[asked.index(("PUT", marks[-1])) : asked.index(("PUT", order[-1]))]
    assert not any(r.method == "DELETE" or r.query == "delete" for r in between)

    # Credentials stand nowhere.
    everything = [said.encode(), *(store.get(b, key) for b in ("shop", "scratch") for key in store.keys(b))]
    for secret in (SECRET.encode(), KEY_ID.encode()):
        assert not any(secret in data for data in everything)


def written(store: Store, prefix: str) -> list[str]:
    """Return the paths that were written, in order, each once; empty objects that stand for folders are none."""
    wrote = [
        r.path
        for r in store.requests
        if r.path.startswith(prefix)
        and not r.path.endswith("/")
        and (r.method == "PUT" or (r.method == "POST" and "uploadId" in r.query))
    ]
    return list(dict.fromkeys(wrote))


@pytest.mark.parametrize(
    "stage",
    ["lines", *(pytest.param(name, marks=pytest.mark.slow) for name in ("customers", "models", "run"))],
)
def test_a_job_killed_after_a_stage_goes_on_on_another_machine(
    store: Store, local: Local, tmp_path: Path, machine: Path, stage: str
) -> None:
    process = jobs.start(store.environment, machine, local.dump, OUT)

    def kill(request: Request) -> None:
        if request.method == "PUT" and request.path.endswith(f"/{stage}.json"):
            process.kill()

    store.after = kill
    process.join(120)
    assert process.exitcode == -9
    assert "segments/latest.json" not in store.keys("shop")
    store.after = lambda request: None
    jobs.run(store.environment, tmp_path / "other", local.dump, OUT)
    run = published(store, tmp_path)
    assert contents(run) == contents(local.run)
    # What takes seconds is done again, and the comparison is kept with the models.
    names = ["input", "lines", "customers", "models"]
    done = names[: names.index(stage) + 1] if stage != "run" else []
    done += ["comparison"] if stage == "models" else []
    # What made the run, and told it, is not done again.
    assert [name for name, resumed in stages(run).items() if resumed] == done
    assert [key for key in store.keys("shop") if "/work/" in key] == []
    # The first machine's next start sweeps what the kill left there.
    assert jobs.left_on(machine) != []
    assert jobs.command(store.environment, machine, "explain", local.customer, "--run", OUT)[0] == 0
    assert jobs.left_on(machine) == []


@pytest.mark.slow
def test_the_next_night_follows_the_run_in_the_store(
    store: Store, local: Local, tmp_path: Path, machine: Path
) -> None:
    store.put_folder(local.dump, "shop", "dump")
    jobs.run(store.environment, machine, "s3://shop/dump", OUT)
    first = published(store, tmp_path)
    store.put("shop", {"dump/next.csv": next_month()})
    store.requests.clear()
    jobs.run(store.environment, machine, "s3://shop/dump", OUT, keep=1)
    second = published(store, tmp_path)
    about = json.loads((second / "manifest.json").read_text())
    assert about["identity"]["previous"] == first.name
    assert (second / "lineage.json").is_file()
    assert store.keys("shop", "segments/runs/") == sorted(
        f"segments/runs/{second.name}/{name}" for name in files(second)
    )
    nights = store.keys("shop", "segments/history/")
    assert [key.split("/")[3:] for key in nights] == [
        [f"run={run.name}", "part-00000.parquet"] for run in (first, second)
    ]
    of_first = [r for r in store.requests if f"/runs/{first.name}/" in r.path]
    read = {r.path.partition(first.name + "/")[2] for r in of_first if r.method == "GET"}
    assert {"model.json", "features/part-00000.parquet"} <= read
    assert not any(name.startswith(("rejects", "segments.csv", "report")) for name in read)
    gone = [r for r in of_first if r.method == "DELETE"]
    assert gone[0].path.endswith("/manifest.json")

    def told(*arguments: str) -> str:
        code, said = jobs.command(store.environment, machine, *arguments)
        assert code == 0, said
        assert jobs.left_on(machine) == []
        return said

    assert second.name in told("runs", OUT)
    assert "segment" in told("explain", local.customer, "--run", OUT)
    assert "Customers, from (rows) to (columns)" in told("compare", OUT, f"{OUT}/runs/{second.name}")
    store.put("shop", {f"segments/runs/{second.name}/report.html": b""})
    assert told("report", OUT).strip() == f"{OUT}/runs/{second.name}/report.html"
    assert store.get("shop", f"segments/runs/{second.name}/report.html").endswith(b"</html>")
    said = told("score", "s3://shop/dump", "--model", OUT, "--out", "s3://shop/scored", "--quiet")
    assert said.startswith("s3://shop/scored/runs/")
    assert {key.rpartition("/")[2] for key in store.keys("shop", "scored/")} >= {
        "manifest.json",
        "latest.json",
    }


def next_month() -> bytes:
    return sorted((ROOT / "data/sample").glob("*.csv"))[3].read_bytes()


@pytest.mark.parametrize(
    "where",
    [
        "runs on a disk",
        *(pytest.param(w, marks=pytest.mark.slow) for w in ("scratch on a disk", "both on a disk")),
    ],
)
def test_runs_and_scratch_lie_where_they_are_put(
    store: Store, local: Local, tmp_path: Path, machine: Path, where: str
) -> None:
    out: Any = OUT if where == "scratch on a disk" else tmp_path / "out"
    scratch: Any = SCRATCH if where == "runs on a disk" else tmp_path / "scratch"
    jobs.run(store.environment, machine, local.dump, out, scratch=scratch)
    if isinstance(out, Path):
        run = out / json.loads((out / "latest.json").read_text())["run"]
        assert {path.name for path in out.iterdir()} == {"latest.json", "runs", "history", ".lock"}
    else:
        run = published(store, tmp_path)
    assert contents(run) == contents(local.run)
    used = written(store, "/scratch/night/segcore-")
    assert bool(used) == (where == "runs on a disk")
    assert store.keys("scratch") == []
    if isinstance(scratch, Path):
        assert jobs.left_on(scratch) == []


# What goes wrong


def test_a_bucket_that_is_not_there(store: Store, local: Local, machine: Path) -> None:
    code, said = jobs.command(
        store.environment, machine, "segment", str(local.dump), "-o", "s3://nowhere/out"
    )
    assert (code, said.count("\n")) == (73, 1)
    assert "there is no such bucket; make it, or check the URL" in said


def test_output_that_may_not_be_written(store: Store, local: Local, machine: Path) -> None:
    store.before = lambda request: request.changes
    code, said = jobs.command(store.environment, machine, "segment", str(local.dump), "-o", OUT)
    assert (code, said.count("\n")) == (73, 1)
    assert "access denied (ACCESS_DENIED" in said
    assert jobs.left_on(machine) == []


def test_input_that_may_not_be_read(store: Store, tmp_path: Path, machine: Path) -> None:
    store.before = lambda request: True
    code, said = jobs.command(
        store.environment, machine, "segment", "s3://shop/dump", "-o", str(tmp_path / "out")
    )
    assert (code, said.count("\n")) == (66, 1)
    assert "access denied" in said


def test_a_store_that_is_away(store: Store, local: Local, machine: Path) -> None:
    away = store.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    code, said = jobs.command(away, machine, "segment", str(local.dump), "-o", OUT)
    assert (code, said.count("\n")) == (69, 1)
    assert "the store does not answer as expected" in said


@pytest.mark.slow
def test_a_store_that_refuses_half_way_is_gone_on_with(
    store: Store, local: Local, tmp_path: Path, machine: Path
) -> None:
    def refuse(request: Request) -> bool:
        return request.changes and "/customers/" in request.path

    store.before = refuse
    process = jobs.start(store.environment, machine, local.dump, OUT)
    process.join(120)
    assert process.exitcode == 1  # the library's caller gets the error
    assert jobs.left_on(machine) == []
    store.before = lambda request: None
    jobs.run(store.environment, machine, local.dump, OUT)
    run = published(store, tmp_path)
    assert stages(run)["lines"]
    assert not stages(run)["customers"]
    assert contents(run) == contents(local.run)


@pytest.mark.parametrize("option", ["input", "--out", "--scratch", "--previous", "SEGCORE_OUT"])
def test_credentials_in_a_url_are_refused_and_not_repeated(
    store: Store, local: Local, machine: Path, tmp_path: Path, option: str
) -> None:
    url = f"s3://{KEY_ID}:{SECRET}@shop/some"
    given = {"input": str(local.dump), "--out": str(tmp_path / "out")} | {option: url}
    environment = dict(store.environment)
    if option == "SEGCORE_OUT":
        environment[option] = given.pop(option)
        del given["--out"]
    arguments = [given.pop("input"), *(part for pair in given.items() for part in pair)]
    code, said = jobs.command(environment, machine, "segment", *arguments)
    assert code == 2
    assert "holds credentials" in said
    assert SECRET not in said
    assert KEY_ID not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_profile_gives_the_credentials(store: Store, local: Local, tmp_path: Path, machine: Path) -> None:
    (tmp_path / "credentials").write_text(
        f"[night]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\nregion = us-east-1\n"
    )
    environment = {
        "AWS_PROFILE": "night",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        **{k: v for k, v in store.environment.items() if "KEY" not in k},
    }
    store.put_folder(local.dump, "shop", "dump")
    jobs.run(environment, machine, "s3://shop/dump", OUT)
    run = published(store, tmp_path)
    assert without_ledger(run) == local.contents
    shutil.rmtree(run)


@pytest.mark.parametrize(
    ("method", "part", "after", "expected"),
    [("GET", "/dump/", 9, 66), ("PUT", "/lines/", 0, 73), ("GET", "/lines/", 2, 66)],
)
def test_engines_that_are_refused_half_way_are_understood(
    store: Store, local: Local, machine: Path, method: str, part: str, after: int, expected: int
) -> None:
    store.put_folder(local.dump, "shop", "dump")
    seen = 0

    def refuse(request: Request) -> bool:
        nonlocal seen
        seen += request.method == method and part in request.path
        return seen > after and request.method == method and part in request.path

    store.before = refuse
    code, said = jobs.command(store.environment, machine, "segment", "s3://shop/dump", "-o", OUT, "-q")
    assert code == expected
    assert "access denied" in said
    assert "Traceback" not in said


_ERROR = "<Error><Code>{}</Code><Message>Please reduce your request rate.</Message></Error>"
FAILING = Answer("500 Internal Server Error", _ERROR.format("InternalError").encode())
BUSY = Answer("503 Slow Down", _ERROR.format("SlowDown").encode())
LOGIN = Answer("200 OK", b"<html><body>Log in to the network</body></html>", "text/html")


@pytest.mark.parametrize(
    ("answer", "part", "after"),
    [
        (FAILING, "list-type", 0),
        pytest.param(FAILING, "/dump/", 0, marks=pytest.mark.slow),
        pytest.param(BUSY, "/dump/", 0, marks=pytest.mark.slow),
        (BUSY, "/dump/", 8),
        pytest.param(LOGIN, "/dump/", 0, marks=pytest.mark.slow),
        (LOGIN, "/dump/", 6),
    ],
)
def test_a_store_that_fails_while_it_is_read(
    store: Store, local: Local, tmp_path: Path, machine: Path, answer: Answer, part: str, after: int
) -> None:
    store.put_folder(local.dump, "shop", "dump")
    seen = 0

    def fail(request: Request) -> Answer | None:
        nonlocal seen
        hit = request.method == "GET" and part in f"{request.path}?{request.query}"
        seen += hit
        return answer if hit and seen > after else None

    store.before = fail
    code, said = jobs.command(
        store.environment, machine, "segment", "s3://shop/dump", "-o", str(tmp_path), "-q"
    )
    assert (code, said.count("\n")) == (69, 1), said
    assert "then run the same command again" in said


@pytest.mark.slow
def test_workers_write_and_read_the_lines_in_the_store(
    store: Store, local: Local, tmp_path: Path, machine: Path
) -> None:
    store.put_folder(local.dump, "shop", "dump")
    jobs.run(store.environment, machine, "s3://shop/dump", OUT, scratch=SCRATCH, workers=2)
    run = published(store, tmp_path)
    assert without_ledger(run) == local.contents
    about = json.loads((run / "manifest.json").read_text())["stages"]
    workers = {one["name"]: sum(worker["tasks"] for worker in one["workers"]) for one in about}
    assert workers["lines"] > 0
    assert workers["customers"] > 0
    # The blocks of the matrix, too: another machine does not see what the command has in its own files.
    assert workers["models"] > 0
    assert any(r.method == "GET" and "/customers/features/" in r.path for r in store.requests)
    assert store.keys("scratch") == []


@pytest.mark.slow
def test_workers_on_other_machines_read_what_was_written_anew(
    store: Store, tmp_path: Path, machine: Path
) -> None:
    dump = small_dump(tmp_path / "dump")
    latin, quoted, _ = sorted(dump.iterdir())
    latin.write_bytes(latin.read_text().replace("RED", "RÉD").encode("latin-1"))
    quoted.write_text(quoted.read_text().replace("RED", '5" RED'))
    here = Local(dump, segment_here(dump, tmp_path / "out"))
    store.put_folder(dump, "shop", "dump")
    with dask_processes(tmp_path, workers=2, settings=store.environment) as dask:
        arguments = [
            "segment",
            "s3://shop/dump",
            "--out",
            OUT,
            "--scratch",
            SCRATCH,
            "--scheduler",
            dask.address,
        ]
        code, said = jobs.alone(store.environment, machine, *arguments, "--job", str(here.job(tmp_path)))
    assert code == 0, said
    assert "found by looking: text in cp1252" in said
    run = published(store, tmp_path)
    assert without_ledger(run) == here.contents
    assert store.keys("scratch") == []
    about = json.loads((run / "manifest.json").read_text())["stages"]
    assert {"input", "lines", "customers", "models"} <= {one["name"] for one in about if one["workers"]}
