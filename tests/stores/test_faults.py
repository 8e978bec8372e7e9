"""A store that answers wrongly, for good or now and then: a promised end, nothing half published, and the next start goes on."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.operations.processes import contents, segment_here, small_dump
from tests.stores import jobs
from tests.stores.server import FAULTS, Request, Store

OUT = "s3://shop/segments"
# What a fault of a store may end with: bad data, not found, out of reach, not writable, a failure of storage, try again.
PROMISED = {0, 65, 66, 69, 73, 74, 75}


class Faults:
    """Answers requests wrongly from one of them on, or every so many of them."""

    def __init__(self, kind: str, *, first: int, every: int) -> None:
        self.kind, self.first, self.every = kind, first, every
        self.seen = self.hit = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> object:
        with self._lock:
            self.seen += 1
            wrong = self.seen >= self.first and (self.seen - self.first) % self.every == 0
            self.hit += wrong
        return FAULTS[self.kind] if wrong else None


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dump(tmp_path_factory.mktemp("faults") / "dump")


@pytest.fixture(scope="module")
def undisturbed(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return segment_here(dump, tmp_path_factory.mktemp("undisturbed"))


def job_of(run: Path, folder: Path) -> Path:
    """Write the job that was run, with a clock of its own."""
    lines = (run / "job.toml").read_text().splitlines(keepends=True)
    path = folder / "job.toml"
    path.write_text("".join(line for line in lines if not line.startswith("latest")))
    return path


def published(store: Store, to: Path) -> dict[str, str] | None:
    """Return digests of what the published run holds; whatever is named has to be all there."""
    if "segments/latest.json" not in store.keys("shop"):
        return None
    named = json.loads(store.get("shop", "segments/latest.json"))["run"]
    run = store.fetch("shop", f"segments/{named}", to / Path(named).name)
    assert (run / "report.html").is_file()
    return {name: digest for name, digest in contents(run).items() if name != "ledger.json"}


@pytest.mark.parametrize(
    ("kind", "first", "every"),
    [
        pytest.param("503", 5, 40, id="503 now and then"),
        *(pytest.param(kind, 5, 11, id=f"{kind} often", marks=pytest.mark.slow) for kind in FAULTS),
        *(
            pytest.param(kind, 60, 1, id=f"{kind} for good", marks=pytest.mark.slow)
            for kind in FAULTS
            if kind != "slow"
        ),
    ],
)
def test_a_store_that_answers_wrongly_ends_as_promised_and_is_gone_on_with(
    store: Store, dump: Path, undisturbed: Path, tmp_path: Path, kind: str, first: int, every: int
) -> None:
    store.put_folder(dump, "shop", "dump")
    arguments = ["segment", "s3://shop/dump", "-o", OUT, "-q", "--job", str(job_of(undisturbed, tmp_path))]
    faults = Faults(kind, first=first, every=every)
    store.before = faults
    code, said = jobs.command(store.environment, tmp_path / "machine", *arguments)
    store.before = lambda request: None
    assert faults.hit > 0
    assert code in PROMISED, said
    assert "Traceback" not in said
    assert "a bug" not in said
    assert code == 0 or said.count("\n") == 1, said
    expected = {name: digest for name, digest in contents(undisturbed).items() if name != "ledger.json"}
    first_published = published(store, tmp_path / "first")
    assert first_published in ((expected,) if code == 0 else (None, expected))
    if first_published is None:
        code, said = jobs.command(store.environment, tmp_path / "machine", *arguments)
        assert code == 0, said
    assert published(store, tmp_path / "second") == expected
    assert jobs.left_on(tmp_path / "machine") == []
