from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segcore import errors, job

JOBS = Path(__file__).parent.parent / "jobs"


def test_default_job_is_the_template_and_has_every_default() -> None:
    text = (JOBS / "default.toml").read_text(encoding="utf-8")
    assert text == job.template()
    assert job.resolve(text) == job.Job()


@pytest.mark.parametrize("path", sorted(JOBS.glob("*.toml")), ids=lambda p: p.name)
def test_every_shipped_job_is_valid_and_survives_being_written(path: Path) -> None:
    settings = job.resolve(path.read_text(encoding="utf-8"))
    assert job.resolve(job.to_toml(settings)) == settings


def test_every_key_has_a_meaning() -> None:
    for name, field in job.Job.model_fields.items():
        inner = field.annotation
        fields = getattr(inner, "model_fields", {name: field})
        assert all(f.description for f in fields.values()), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[models]\nkmax = 4", r"unknown key 'models.kmax' \(did you mean 'k_max'\?\)"),
        ("modells = 1", "unknown key 'modells'"),
        ("[models]\nk_min = 5\nk_max = 3", "k_max=3 should be >= k_min=5"),
        ("[models]\nk_max = 'x'", "models.k_max: .*valid integer"),
        ("[matrix]\ncolumns = { total_spnd = 'log1p' }", "no numeric feature .*total_spend"),
        ("[matrix]\ncolumns = {}", "at least one feature"),
        ("[columns]\ncustomer = 'x'", "no canonical column"),
        ("[columns]\nquantity = ['x', 'y']", "quantity names several columns; expected one"),
        ("[columns]\ncustomer_id = []", "customer_id names several columns"),
        ("[selection]\nfamily = 'kmean'", r"family = 'kmean' is no model .* \(did you mean 'kmeans'\?\)"),
        ("[selection]\nfamily = 'spectral'", "'spectral' is no model of models.families that can be chosen"),
        (
            "[selection]\nfamily = 'mixture-full'\n[models]\ncovariance_types = ['diag']",
            "there are .*mixture-diag",
        ),
        (
            "[models]\nfamilies = ['dbscan', 'hdbscan']",
            "dbscan, hdbscan find the number of segments themselves .* such as 'kmeans'",
        ),
        ("[rfm]\nrecency = [1, 2, 3]", r"recency = \[1.0, 2.0, 3.0\] should be four values"),
        ("[rfm]\nmonetary = [1, 2, 2, 3]", "should be four values, each larger than the one before"),
        ("[rfm]\nfrequency = [1, 2, 3, inf]", "less than or equal to"),
        ("[features]\nown = { rfm_group = 'max(quantity)' }", "rfm_group"),
        ("x =", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(errors.JobError, match=message) as caught:
        job.resolve(text, source="a.toml")
    assert str(caught.value).startswith("a.toml: ")
    assert "\n" not in str(caught.value)


def test_overrides_win() -> None:
    settings = job.resolve("[selection]\nk = 3", {"selection.k": 5, "seed": 7})
    assert (settings.selection.k, settings.seed) == (5, 7)


def test_the_published_schema_is_that_of_the_job() -> None:
    assert (JOBS / "job.schema.json").read_text(encoding="utf-8") == job.json_schema()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[input]\nencoding = 'klingon'", "unknown encoding"),
        ("[input]\nencoding = 'base64'", "unknown encoding"),
        ("[input]\nseparator = '§'", "cannot stand between fields"),
        ("x = " + "[" * 100_000, "is nested too deeply"),
        ("#" * 1_000_001, "has more than 1,000,000 characters, as no job has"),
        ("[input]\ntime_zone = 'Mars/Olympus'", "unknown encoding or time zone"),
        ("[input]\ndate_format = 'us'", "neither one of month-first"),
        ("[input]\nseparator = '.'", "cannot stand between fields"),
    ],
)
def test_how_the_source_is_written_is_checked(text: str, message: str) -> None:
    with pytest.raises(errors.JobError, match=message):
        job.resolve(text)


def numbers(schema: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every number of a JSON schema with the place where it stands."""
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield where, schema
        for key, value in schema.items():
            yield from numbers(value, f"{where}.{key}")
    elif isinstance(schema, list):
        for value in schema:
            yield from numbers(value, where)


def test_every_number_has_both_bounds() -> None:
    found = list(numbers(job.Job.model_json_schema()))
    assert len(found) > 30
    open_ended = [
        where
        for where, number in found
        if not {"minimum", "exclusiveMinimum"} & {*number} or not {"maximum", "exclusiveMaximum"} & {*number}
    ]
    assert open_ended == []


@pytest.mark.parametrize(
    "text",
    [
        "[models]\nsample = 99999999999999999999",
        "[models]\nreg_covar = inf",
        "[models]\nreg_covar = nan",
        "[features]\nas_of = 1969-12-31",
        "[features]\nas_of = 9999-12-31T23:59:59-23:59",
        "[input]\nlatest = 0001-01-01T00:00:00",
        "seed = " + "9" * 5_000,
    ],
)
def test_what_is_beyond_all_bounds(text: str) -> None:
    with pytest.raises(
        errors.JobError, match=r"less than or equal|from the year 1970 to 9999|not valid TOML"
    ):
        job.resolve(text)


def test_a_job_file_is_not_blamed_for_what_was_given_beside_it() -> None:
    with pytest.raises(errors.JobError, match=r"^given beside a\.toml: features: window = '30' should be"):
        job.resolve("seed = 1", {"features.window": "30"}, source="a.toml")
    with pytest.raises(errors.JobError, match=r"^a\.toml: features: window = '30' should be"):
        job.resolve("[features]\nwindow = '30'", {"seed": 1}, source="a.toml")


def test_a_pinned_k_is_always_fitted() -> None:
    from segcore.pipeline.core.job_file import load

    assert load(None, {"selection.k": 12}).models.ks == range(2, 13)
    assert load(None, {"models.k_min": 4, "selection.k": 3}).models.ks == range(3, 11)
    assert load(None, {"selection.k": 5}).models.ks == range(2, 11)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(errors.JobError) as refused:
        job.resolve('[models]\nk_min = 0\nfamilies = ["kmean"]\n[selektion]\nk = 4', source="my.toml")
    told = str(refused.value)
    assert told.startswith("my.toml: ")
    for part in (
        "models.k_min: ",
        "models.families.0: ",
        "unknown key 'selektion' (did you mean 'selection'?)",
    ):
        assert part in told
    assert "\n" not in told
