"""The schedules in jobs/: each checked by its own tool where it is at hand, and all of them against each other."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from segcore import engine
from segcore.cli import cli
from tests.operations.processes import ROOT

SCHEDULES = ROOT / "jobs/schedules"
# Exit codes that another try does not mend.
FINAL = {2, 3, 65, 66, 70, 73, 78}


def tool(name: str) -> str:
    """Find a tool of the environment or the machine."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def check(*line: object) -> None:
    done = subprocess.run([str(part) for part in line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def unit(name: str) -> dict[str, str]:
    lines = (SCHEDULES / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def cronjob() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((SCHEDULES / "cronjob.yaml").read_text())
    return data


def container() -> dict[str, Any]:
    pod = cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    found: dict[str, Any] = pod["containers"][0]
    return found


def dag_constant(name: str) -> Any:
    tree = ast.parse((SCHEDULES / "airflow_dag.py").read_text())
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == name
    )
    return eval(compile(ast.Expression(value), "dag", "eval"), {})


def commands() -> dict[str, list[str]]:
    script = (SCHEDULES / "segcore.slurm").read_text().replace("\\\n", " ")
    (slurm,) = re.findall(r"^segcore (.*) &$", script, re.MULTILINE)
    return {
        "systemd": shlex.split(unit("segcore.service")["ExecStart"])[1:],
        "kubernetes": container()["args"],
        "slurm": shlex.split(slurm),
        "airflow": dag_constant("COMMAND")[1:],
    }


# Each by its own tool


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    for name in ("segcore.service", "segcore.timer"):
        # It looks for the program, which is not installed there.
        text = (SCHEDULES / name).read_text().replace("/opt/segcore/bin/segcore", shutil.which("true") or "")
        (tmp_path / name).write_text(text)
    check(analyze, "verify", "--man=no", tmp_path / "segcore.service", tmp_path / "segcore.timer")


def test_systemd_understands_the_calendar() -> None:
    check(tool("systemd-analyze"), "calendar", unit("segcore.timer")["OnCalendar"])


def test_kubernetes_accepts_the_cronjob() -> None:
    check(tool("kubernetes-validate"), "--strict", SCHEDULES / "cronjob.yaml")


def test_shellcheck_accepts_the_script() -> None:
    check(tool("shellcheck"), SCHEDULES / "segcore.slurm")


def test_hadolint_accepts_the_dockerfile() -> None:
    check(tool("hadolint"), SCHEDULES / "Dockerfile")


def test_the_image_is_built_on_one_exact_version_by_its_digest() -> None:
    bases = re.findall(r"^FROM (\S+)", (SCHEDULES / "Dockerfile").read_text(), re.MULTILINE)
    assert len(bases) == 2
    assert len({*bases}) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases[0])


def test_python_compiles_the_dag() -> None:
    path = SCHEDULES / "airflow_dag.py"
    compile(path.read_text(), str(path), "exec")


def test_airflow_loads_the_dag() -> None:
    if importlib.util.find_spec("airflow") is None:
        pytest.skip("Airflow is not installed; the DAG is compiled only")
    load = f"import runpy; runpy.run_path({str(SCHEDULES / 'airflow_dag.py')!r})['segcore_nightly']()"
    check(sys.executable, "-c", load)


# Against each other and the command


def test_what_the_dockerfile_copies_is_there() -> None:
    text = (SCHEDULES / "Dockerfile").read_text()
    copied = [
        name for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE) for name in line.split()
    ]
    assert {"pyproject.toml", "segcore"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)
    kept = (SCHEDULES / "Dockerfile.dockerignore").read_text().split()
    assert {f"!{name}" for name in copied} <= set(kept)


@pytest.mark.parametrize("scheduler", ["systemd", "kubernetes", "slurm", "airflow"])
def test_the_command_parses(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "SEGCORE_LOG_FORMAT", "text"
    )  # parsing sets it, for errors; other tests should not see that
    name, *arguments = commands()[scheduler]
    command = cli.commands[name]
    context = click.Context(command, info_name=name)
    command.parse_args(context, list(arguments))
    assert context.params["memory"] == engine.parse_size("3GiB")
    assert context.params["keep"] == 30
    assert context.params["log_format"] == "json"


def test_the_limit_of_memory_is_the_budget_and_a_quarter_of_the_whole() -> None:
    resources = container()["resources"]
    assert resources["limits"]["memory"] == resources["requests"]["memory"]
    (slurm,) = re.findall(r"^#SBATCH --mem=(.*)$", (SCHEDULES / "segcore.slurm").read_text(), re.MULTILINE)
    # systemd and Slurm write 4G for 4 GiB.
    limits = {
        "systemd": unit("segcore.service")["MemoryMax"] + "i",
        "kubernetes": resources["limits"]["memory"],
        "slurm": slurm + "i",
    }
    for scheduler, limit in limits.items():
        line = commands()[scheduler]
        budget = engine.parse_size(line[line.index("--memory") + 1])
        assert budget == engine.parse_size(limit) * 3 // 4


def test_all_agree_on_what_another_try_does_not_mend() -> None:
    never, failed = cronjob()["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert never["action"] == "Ignore"
    assert failed["action"] == "FailJob"
    assert set(failed["onExitCodes"]["values"]) == FINAL
    assert failed["onExitCodes"]["containerName"] == container()["name"]
    assert set(map(int, unit("segcore.service")["RestartPreventExitStatus"].split())) == FINAL
    assert dag_constant("FINAL") == FINAL
    assert cronjob()["spec"]["concurrencyPolicy"] == "Forbid"


# The Slurm script does something: with a stand-in for the job and for Slurm


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """An environment where ``segcore`` is a script of the test's and ``scontrol`` writes down what it is told."""
    (tmp_path / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n')
    (tmp_path / "scontrol").chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}


def stand_in(folder: Path, text: str) -> None:
    (folder / "segcore").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "segcore").chmod(0o755)


@pytest.mark.parametrize(
    ("code", "restarts", "requeued"),
    [
        (0, 0, False),
        (3, 0, False),
        (65, 0, False),
        (74, 0, True),
        (75, 3, True),
        (75, 4, False),
        (137, 1, True),
    ],
)
def test_slurm_tries_again_what_is_worth_it(
    code: int, restarts: int, requeued: bool, slurm: dict[str, str], tmp_path: Path
) -> None:
    stand_in(tmp_path, f"exit {code}")
    environment = {**slurm, "SLURM_RESTART_COUNT": str(restarts)}
    done = subprocess.run(["bash", SCHEDULES / "segcore.slurm"], env=environment, check=False)
    assert done.returncode == code
    told = (tmp_path / "told").read_text() if (tmp_path / "told").exists() else ""
    assert told == ("requeue 7\n" if requeued else "")


def test_slurm_passes_a_stop_on_and_waits_for_the_end(slurm: dict[str, str], tmp_path: Path) -> None:
    stand_in(
        tmp_path,
        f"trap 'sleep 0.3; touch {tmp_path}/cleaned; exit 143' TERM; touch {tmp_path}/up; while :; do sleep 0.05; done",
    )
    process = subprocess.Popen(["bash", SCHEDULES / "segcore.slurm"], env=slurm)
    while not (tmp_path / "up").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    assert (tmp_path / "cleaned").exists()
    assert not (tmp_path / "told").exists()
