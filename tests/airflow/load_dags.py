"""Load the sample DAGs with Airflow's own DagBag: python load_dags.py FOLDER; for ``nox -s airflow``."""

from __future__ import annotations

import sys

from airflow.dag_processing.dagbag import DagBag

folder = sys.argv[1]
bag = DagBag(dag_folder=folder)
if bag.import_errors:
    sys.exit("\n".join(f"{file}: {error}" for file, error in bag.import_errors.items()))
tasks = {dag_id: sorted(dag.task_ids) for dag_id, dag in bag.dags.items()}
if set(tasks) != {"crm_reports", "crm_notebooks"} or not all(tasks.values()):
    sys.exit(f"Expected crm_reports and crm_notebooks, each with tasks. Found: {tasks}.")
chain = bag.dags["crm_notebooks"]
if len(chain.roots) != 1 or len(chain.leaves) != 1:
    sys.exit(f"crm_notebooks should be one chain. It begins with {chain.roots} and ends with {chain.leaves}.")
for dag_id, names in tasks.items():
    sys.stdout.write(f"{dag_id}: {', '.join(names)}\n")
