"""A DAG with a task a notebook, by the Papermill operator: to see and repeat each in Airflow.

What it leaves is a draft (``reports/<study>/draft/<day>``) and the executed notebooks. It checks no
parameters, publishes no report and takes no lock: for a report, use ``crm_cli``.

The workers' environment holds this project and, where a study names people, ``CRM_PSEUDONYM_KEY``: the first
notebook loads the data. Register its kernel there once:
``.venv/bin/python -m ipykernel install --name crm``.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.sdk import DAG

PROJECT = Path(os.environ.get("CRM_PROJECT", "/srv/crm-notebooks"))
STUDY = "complete_journey"

with DAG(
    dag_id="crm_notebooks",
    schedule="15 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    tags=["crm"],
):
    before: PapermillOperator | None = None
    # In the order of their numbers, one after another: later ones load what earlier ones saved.
    for notebook in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        task = PapermillOperator(
            task_id=notebook.stem,
            input_nb=str(notebook),
            output_nb=str(PROJECT / "reports" / STUDY / "draft" / f"{notebook.stem}-{{{{ ds }}}}.ipynb"),
            parameters={"study": STUDY, "as_of": ""},
            kernel_name="crm",
            language_name="python",
            execution_timeout=timedelta(hours=1),
        )
        if before:
            before >> task
        before = task
