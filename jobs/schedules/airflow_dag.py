"""Segments every night, with Airflow 3; the file goes into its folder of DAGs."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

COMMAND = [
    *("segcore", "segment", "/srv/transactions", "--out", "/srv/segments", "--job", "/etc/segcore/job.toml"),
    *("--memory", "3GiB", "--keep", "30", "--log-format", "json"),
]
# Another try would end so again: a person first.
FINAL = {2, 3, 65, 66, 70, 73, 78}


@dag(
    schedule="30 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 4, "retry_delay": timedelta(minutes=10)},
)
def segcore_nightly() -> None:
    """Segments from last night's transactions."""

    @task
    def segment() -> str:
        """Run the job; a retry goes on from the last finished stage."""
        done = subprocess.run(COMMAND, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode in FINAL:
            raise AirflowFailException(f"segcore ended with {done.returncode}; its log says why")
        done.check_returncode()
        return done.stdout.strip()

    segment()


segcore_nightly()
