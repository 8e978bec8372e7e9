"""What has to be right before a cluster works for a run, and what is said where it is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import dask as dask_settings
import psutil
import pytest
from distributed import Client

from segcore import engine, errors
from segcore.engine import connection
from tests.engine import work
from tests.engine.dask_processes import ROOT, Dask, dask_processes

BUDGET = 500 * 10**6


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with dask_processes(tmp_path_factory.mktemp("dask")) as dask:
        yield dask


@pytest.fixture
def only(dask: Dask) -> Iterator[Dask]:
    """A scheduler whose workers are those of one test."""
    yield dask
    for name in set(dask.processes) - {"scheduler"}:
        dask.kill(name)


def where() -> int:
    """Return the process in which Dask computes."""
    return int(dask_settings.compute(dask_settings.delayed(os.getpid)())[0])


def refused(dask: Dask, budget: int | None = BUDGET) -> str:
    with pytest.raises(errors.SegcoreError) as caught, engine.cluster(dask.address, memory_budget=budget):
        pass
    assert "\n" not in str(caught.value)
    return f"{caught.value.exit_code} {caught.value}"


def another(package: str, folder: Path) -> dict[str, str]:
    """Settings of a process that has another version of a package."""
    about = folder / f"{package}-0.0.7.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.7\n")
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


def test_none_is_started_where_none_is_asked_for() -> None:
    with engine.cluster() as cluster:
        assert cluster is None


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense://x", "tcp://"])
def test_no_scheduler_there(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(connection, "_CONNECT_SECONDS", 1)
    with pytest.raises(errors.UnreachableError, match="no Dask scheduler answers"), engine.cluster(address):
        pass


def test_a_scheduler_without_workers(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    with dask_settings.config.set({"distributed.scheduler.no-workers-timeout": "1.5s"}):
        said = refused(dask)
    assert said.startswith(f"69 {dask.address}: no Dask worker for 1.5 seconds; start some")


def test_a_worker_with_another_version_of_a_package(only: Dask, tmp_path: Path) -> None:
    only.start_worker("old", settings=another("polars", tmp_path))
    said = refused(only)
    assert said.startswith(f"69 polars is {version('polars')} here and 0.0.7 on tcp://127.0.0.1:")
    assert "same environment or image" in said


def test_a_worker_without_segcore(only: Dask, tmp_path: Path) -> None:
    (tmp_path / "segcore.py").write_text("raise ImportError")
    only.start_worker("bare", settings={"PYTHONPATH": str(tmp_path)})
    assert "segcore is 0.1.0 here and absent on tcp://" in refused(only)


def test_a_scheduler_with_another_version(tmp_path: Path) -> None:
    with dask_processes(tmp_path, workers=1, settings=another("scipy", tmp_path / "other")) as dask:
        assert f"0.0.7 on scheduler {dask.address}" in refused(dask)


def test_a_late_worker_with_another_version_does_not_join(only: Dask, tmp_path: Path) -> None:
    only.start_worker("first")
    with engine.cluster(only.address, memory_budget=BUDGET) as cluster:
        assert cluster is not None
        only.start_worker("late", settings=another("pyarrow", tmp_path))
        only.processes["late"].wait(60)
        assert cluster.n_workers == 1
    assert "pyarrow is" in only.said("late")


def test_a_worker_that_is_too_small(only: Dask) -> None:
    only.start_worker("large")
    only.start_worker("small", "--memory-limit", "900MB")
    only.wait_for("small")
    said = refused(only)
    assert said.startswith("2 worker tcp://127.0.0.1:")
    assert "has a memory limit of 0.90 GB, a budget of 0.50 GB needs 1.25 GB" in said
    assert "ask for --memory 220MB, or start workers with --memory-limit 1.25GB" in said
    with engine.cluster(only.address, memory_budget=220 * 10**6):
        pass


def test_without_a_budget_the_smallest_worker_decides(only: Dask) -> None:
    only.start_worker("large")
    only.start_worker("small", "--memory-limit", "1.5GB")
    only.wait_for("small")
    with engine.cluster(only.address) as cluster:
        assert cluster is not None
        assert cluster.budget == 700 * 10**6


def test_what_is_said_at_the_start(only: Dask) -> None:
    only.start_worker("one")
    said: list[str] = []
    with engine.cluster(only.address, memory_budget=BUDGET, log=said.append):
        pass
    (line,) = said
    assert line.startswith(f"1 Dask workers at {only.address}, dashboard http://127.0.0.1:")


def test_nothing_stays_on_the_cluster(only: Dask) -> None:
    only.start_worker("one")
    with engine.cluster(only.address, memory_budget=BUDGET):
        assert list(engine.run_tasks(work.seconds_at_work, [0], label="test"))
        assert list((only.folder / "one").rglob("segcore"))
    # A worker that joins after the run is held to nothing.
    only.start_worker("after", "--memory-limit", "300MB")
    only.wait_for("after")
    assert only.processes["after"].poll() is None
    assert "plugin segcore" not in only.said("after")
    assert not list((only.folder / "one").rglob("segcore"))


def certificates(folder: Path) -> dict[str, str]:
    """Make a certificate for this test, and the settings that name it for everybody."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run(
        [*request, "-keyout", str(key), "-out", str(cert), "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    roles = {
        f"DASK_DISTRIBUTED__COMM__TLS__{role}__{part}": str(path)
        for role in ("SCHEDULER", "WORKER", "CLIENT")
        for part, path in (("KEY", key), ("CERT", cert))
    }
    return {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(cert), **roles}


def test_dask_computes_where_the_run_is_asked_to_be(only: Dask) -> None:
    pid = only.start_worker("one")
    with Client(only.address):  # of the program that calls
        assert where() == pid
        with engine.cluster():
            assert where() == os.getpid()
        assert where() == pid
    with dask_settings.config.set(scheduler="threads"):
        assert where() == os.getpid()
        with engine.cluster(only.address, memory_budget=BUDGET):
            assert where() == pid
        assert where() == os.getpid()


def test_an_encrypted_cluster(tmp_path: Path) -> None:
    settings = certificates(tmp_path)
    with dask_processes(tmp_path, settings=settings) as dask:
        dask.stop()
        dask.start_scheduler("--protocol", "tls")
        dask.start_worker("one")
        assert dask.address.startswith("tls://")
        names = {"ca-file": "CA_FILE", "client.key": "CLIENT__KEY", "client.cert": "CLIENT__CERT"}
        mine = {
            f"distributed.comm.tls.{name}": settings[f"DASK_DISTRIBUTED__COMM__TLS__{variable}"]
            for name, variable in names.items()
        }
        with dask_settings.config.set(mine), engine.cluster(dask.address, memory_budget=BUDGET):
            assert [n for n, _ in engine.run_tasks(work.square_somewhere, [(3, 0), (4, 0)], label="t")] == [
                9,
                16,
            ]


def test_certificates_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError) as caught, engine.cluster("tls://127.0.0.1:8786"):
        pass
    assert "distributed.comm.tls.ca-file is not set" in str(caught.value)
    assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in str(caught.value)
    gone = str(tmp_path / "gone.pem")
    with (
        dask_settings.config.set({"distributed.comm.tls.ca-file": gone}),
        pytest.raises(errors.UsageError, match=r"gone\.pem: no such file; .*tls\.ca-file names it"),
        engine.cluster("tls://127.0.0.1:8786"),
    ):
        pass


def test_more_local_workers_than_the_machine_holds() -> None:
    budget = engine.memory_limit() // 2
    with (
        pytest.raises(
            errors.UsageError, match=r"^2 workers with a budget of .* need .* this machine has .* GB; ask"
        ),
        engine.cluster(workers=2, memory_budget=budget),
    ):
        pass


LOCAL = """
import sys
from pathlib import Path
from segcore import engine, stopping
from tests.engine import work

if __name__ == "__main__":
    stopping.install(print)
    with engine.cluster(workers=2, memory_budget=300 * 10**6, scratch=Path(sys.argv[1]), log=print) as cluster:
        print(list(cluster.client.nthreads()), flush=True)
        print([cluster.client.scheduler_info()["workers"][w]["memory_limit"] for w in cluster.client.nthreads()])
        print(list(engine.run_tasks(work.environment, range(6), label="test")), flush=True)
        list(engine.run_tasks(work.square_somewhere, [(0, 60.0)], label="test"))
"""


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_local_cluster_ends_with_its_client(tmp_path: Path, number: signal.Signals) -> None:
    script, scratch = tmp_path / "local.py", tmp_path / "scratch"
    script.write_text(LOCAL)
    process = subprocess.Popen(
        [sys.executable, str(script), str(scratch)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("2 Dask workers at tcp://127.0.0.1:")
    assert process.stdout.readline().count("tcp://") == 2
    assert process.stdout.readline() == "[1000000001, 1000000001]\n"
    facts = process.stdout.readline()
    assert facts.count("'budget_mb': 150") == 6
    assert scratch.stat().st_mode & 0o777 == 0o700
    time.sleep(0.5)  # until the long task has begun
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.send_signal(number)
    process.wait(30)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    process.stdout.close()
