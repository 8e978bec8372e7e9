"""A small OUT with a published run and an older one, and every way in which the published run is damaged by tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segcore import Run, segment
from tests.conftest import QUICK
from tests.transaction_lines import line, write_csv

OLDER = "20200101T000000Z-00000000"
OVERRIDES = {**QUICK, "models.k_max": 3, "models.families": ["kmeans"]}
DEEP = b"[" * 100_000


@dataclass(frozen=True, kw_only=True)
class State:
    """A way to damage the published run.

    Attributes
    ----------
    name : str
    harm : callable
        Takes OUT and the run's folder.
    named : str
        What has to be named in each message.
    """

    name: str
    harm: Callable[[Path, Path], object]
    named: str


def lines(folder: Path) -> Path:
    given = [
        line(
            InvoiceNo=f"{c}-{order}",
            CustomerID=c,
            UnitPrice=f"{1 + c % 7}.25",
            InvoiceDate=f"2011-{1 + c % 9:02}-0{order + 1}",
        )
        for c in range(60)
        for order in range(1 + c % 5)
    ]
    return write_csv(folder / "lines.csv", given)


def night(dump: Path, out: Path, **more: object) -> Run:
    return segment(dump, out, overrides={**OVERRIDES, "seed": more.pop("seed", 0)}, quiet=True, **more)  # type: ignore[arg-type]


def two_runs(dump: Path, out: Path) -> Path:
    """Publish a run, lay an older one beside it, and return the published one."""
    run = night(dump, out).folder
    older = Path(shutil.copytree(run, out / "runs" / OLDER))
    manifest = json.loads((older / "manifest.json").read_text())
    (older / "manifest.json").write_text(json.dumps(manifest | {"run_id": OLDER}))
    return run


def _latest(text: str | bytes) -> Callable[[Path, Path], object]:
    data = text.encode() if isinstance(text, str) else text
    return lambda out, run: (out / "latest.json").write_bytes(data)


def _path(run: Path, name: str) -> Path:
    (path,) = run.glob(name)
    return path


def _write(name: str, text: str | bytes) -> Callable[[Path, Path], object]:
    data = text.encode() if isinstance(text, str) else text
    return lambda out, run: _path(run, name).write_bytes(data)


def _gone(name: str) -> Callable[[Path, Path], object]:
    return lambda out, run: _path(run, name).unlink()


def _folder(name: str) -> Callable[[Path, Path], object]:
    def harm(out: Path, run: Path) -> None:
        path = _path(run, name)
        path.unlink()
        path.mkdir()

    return harm


def _half(name: str) -> Callable[[Path, Path], object]:
    def harm(out: Path, run: Path) -> None:
        path = _path(run, name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return harm


def _flipped(name: str) -> Callable[[Path, Path], object]:
    def harm(out: Path, run: Path) -> None:
        path = _path(run, name)
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 1
        path.write_bytes(data)

    return harm


def _manifest(**changes: object) -> Callable[[Path, Path], object]:
    """Change keys of the manifest; None takes one out."""

    def harm(out: Path, run: Path) -> None:
        path = run / "manifest.json"
        state = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: value for key, value in state.items() if value is not None}))

    return harm


def _replaced_by_file(out: Path, run: Path) -> None:
    shutil.rmtree(run)
    run.write_text("a file")


def _emptied(out: Path, run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


def _other_customers(out: Path, run: Path) -> None:
    path = _path(run, "segments/part-00000.parquet")
    pl.read_parquet(path).with_columns(customer_id="customer_id" + pl.lit("x")).write_parquet(path)


_FIRST = "*part-00000.parquet"
# (what is damaged, its name in the run, every way)
_BYTES = {
    "gone": _gone,
    "empty": lambda name: _write(name, b""),
    "cut in half": _half,
    "with a flipped bit": _flipped,
    "a folder": _folder,
}
_FILES = {
    "model.json": "model.json",
    "the centres": "model/kmeans_*.parquet",
    "profile.parquet": "profile.parquet",
    "segments": "segments/part-00000.parquet",
    "features": "features/part-00000.parquet",
    "job.toml": "job.toml",
    "the baseline of drift": "model/reference.json",
}
_LATEST: dict[str, str | bytes] = {
    "empty": "",
    "half": "{",
    "null": "null",
    "a list": "[]",
    "a text": '"runs/x"',
    "without a run": "{}",
    "with no name": '{"run": null}',
    "with a number": '{"run": 7}',
    "with half a name": '{"run": "runs/"}',
    "with a name of no run": '{"run": "runs/nowhere"}',
    "that leads out": json.dumps({"run": f"../other/runs/{OLDER}"}),
    "with a path from the root": '{"run": "/etc/passwd"}',
    "not UTF-8": b"\xff\xfe\x00",
    "nested": DEEP,
    "of NUL bytes": bytes(40),
}
_MANIFEST: dict[str, str | bytes] = {
    "empty": "",
    "half": "{",
    "null": "null",
    "a list": "[]",
    "without keys": "{}",
    "not UTF-8": b"\xff\xfe\x00",
    "nested": DEEP,
    "of NUL bytes": bytes(40),
}
STATES = [
    *(
        State(name=f"latest.json {name}", harm=_latest(text), named="latest.json")
        for name, text in _LATEST.items()
    ),
    State(
        name="latest.json that points nowhere",
        harm=_latest('{"run": "runs/20190101T000000Z-00000000"}'),
        named="20190101T000000Z-00000000",
    ),
    State(name="no run", harm=lambda out, run: shutil.rmtree(run), named="manifest.json"),
    State(name="an empty run", harm=_emptied, named="manifest.json"),
    State(name="a file for a run", harm=_replaced_by_file, named="manifest.json"),
    *(
        State(name=f"manifest.json {name}", harm=_write("manifest.json", text), named="manifest.json")
        for name, text in _MANIFEST.items()
    ),
    *(
        State(name=f"manifest.json {name}", harm=harm, named="manifest.json")
        for name, harm in {
            "gone": _gone("manifest.json"),
            "cut": _half("manifest.json"),
            "a folder": _folder("manifest.json"),
            "of a later format": _manifest(format_version=99),
            "of a format in words": _manifest(format_version="one"),
            "without an identity": _manifest(identity=None),
            "with customers in words": _manifest(customers="many"),
            "with another identity": _manifest(identity=[]),
        }.items()
    ),
    *(
        State(name=f"{what} {how}", harm=harm(name), named=name.rpartition("/")[2].partition("*")[0])
        for what, name in _FILES.items()
        for how, harm in _BYTES.items()
    ),
    State(name="segments of others", harm=_other_customers, named="part-00000.parquet"),
    State(name="rules.json gone", harm=_gone("rules.json"), named="rules.json"),
    State(name="ledger.json with a flipped bit", harm=_flipped("ledger.json"), named="ledger.json"),
    State(name="candidates cut in half", harm=_half("candidates.parquet"), named="candidates.parquet"),
]
