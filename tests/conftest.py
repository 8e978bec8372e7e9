from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "segcore", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("segcore")


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
