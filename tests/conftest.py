from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from segcore import Run, job, segment
from segcore.report.charts import svg
from tests.report import browser as chrome

# Job settings that leave out what takes long and is not under test.
QUICK: dict[str, Any] = {
    "models.restarts": 5,
    "models.k_max": 5,
    "stability.splits": 0,
    "stability.resamples": 0,
    "structure_test.copies": 0,
}

_RENDER = svg.render
_TO_DICT = {kind: kind.to_dict for kind in (alt.TopLevelMixin, alt.Chart)}

# The same examples in every run; SEGCORE_ANY_SEED=1 looks further.
settings.register_profile(
    "segcore",
    deadline=None,
    max_examples=25,
    derandomize=not os.environ.get("SEGCORE_ANY_SEED"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("segcore")


# Files that take minutes: they begin first, so that at the end no process works on one alone.
_LONG = (
    "stores/test_jobs.py",
    "operations/test_clear_ends.py",
    "operations/test_kill.py",
    "operations/test_on_a_cluster.py",
    "pipeline/test_every_night.py",
    "pipeline/test_hostile.py",
    "pipeline/test_real_data.py",
    "stores/test_workspace.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(_LONG))


@contextmanager
def _charts(*, drawn: bool) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(svg, "render", _RENDER if drawn else lambda spec: "<svg></svg>")
        for kind, to_dict in _TO_DICT.items():
            patch.setattr(kind, "to_dict", to_dict if drawn else lambda chart, **options: {})
        yield


@pytest.fixture(scope="module", autouse=True)
def charts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the charts of reports empty where a test looks at something else: drawing them is half of a small run.

    The tests of the report draw them, and so do the runs that many tests share and every process of its own.
    """
    with _charts(drawn="report" in request.path.parts):
        yield


@pytest.fixture(scope="session")
def online_retail() -> Path:
    """The real data: 305 daily files. Skips where it is not at hand, fails where it has to be."""
    folder = os.environ.get("SEGCORE_ONLINE_RETAIL")
    if not folder or not Path(folder).is_dir():
        message = "SEGCORE_ONLINE_RETAIL is not set to the folder of the real data"
        if os.environ.get("SEGCORE_REQUIRE_REAL_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return Path(folder)


@pytest.fixture(scope="session")
def retail_job() -> Path:
    return Path(__file__).parent.parent / "jobs" / "online-retail.toml"


@pytest.fixture(scope="session")
def oracle(online_retail: Path) -> Path:
    """Figures of an independent analysis of the real data, which lie beside it."""
    folder = online_retail.resolve().parent.parent / "oracle"
    if not folder.is_dir():
        message = f"the independent figures are not at {folder}"
        if os.environ.get("SEGCORE_REQUIRE_REAL_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def real_run(online_retail: Path, retail_job: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole job on the real data, as `make segment` runs it; to the independent analysis carriage is a product."""
    codes = job.resolve(retail_job.read_text(encoding="utf-8")).cleaning.not_products
    overrides = {"cleaning.not_products": [code for code in codes if code != "23444"]}
    out = tmp_path_factory.mktemp("real")
    with _charts(drawn=True):
        return segment(online_retail, out, job=retail_job, overrides=overrides, quiet=True)


@pytest.fixture(scope="session")
def sample_run(retail_job: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The shipped dump with every family and few refits."""
    families = ["kmeans", "hierarchical", "mixture", "dbscan", "hdbscan", "spectral"]
    with _charts(drawn=True):
        return segment(
            retail_job.parent.parent / "data" / "sample",
            tmp_path_factory.mktemp("sample"),
            job=retail_job,
            overrides={**QUICK, "models.families": families},
            quiet=True,
        )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One headless browser for all tests: Playwright cannot be started twice in a process."""
    if chrome.executable() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with chrome.chromium() as browser:
        yield browser
