"""A DAG that calls the command: one task a study, published whole or not at all. The one to start with."""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PROJECT = os.environ.get("CRM_PROJECT", "/srv/crm-notebooks")
STUDIES = ["complete_journey"]

with DAG(
    dag_id="crm_reports",
    schedule="15 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="America/New_York"),
    catchup=False,  # the past is for: crm run STUDY --from DAY --to DAY
    max_active_runs=1,
    tags=["crm"],
):
    for study in STUDIES:
        BashOperator(
            task_id=study,
            cwd=PROJECT,
            bash_command=f"exec .venv/bin/crm run {study} --as-of latest --resume --log-format json",
            append_env=True,  # CRM_PSEUDONYM_KEY is the worker's: what stands here, Airflow's pages show
            # Only exit code 4 (another run is at work) is cured by waiting, but no other is made worse by it:
            # --resume repeats nothing that passed.
            retries=2,
            retry_delay=timedelta(minutes=15),
            execution_timeout=timedelta(hours=3),
        )
