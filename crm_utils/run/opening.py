"""How does a notebook open its run? In the pipeline's folder, or by hand in a draft."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import __main__
from crm_utils import loading, snapshots
from crm_utils.errors import RunError, StudyError
from crm_utils.run.notebook_run import Run
from crm_utils.study import find_root, read_study
from crm_utils.tools.language import _

__all__ = ["open_run"]


def open_run(notebook: str, *, study: str, as_of: str = "") -> Run:
    """Open a study's data as they were known on a day, for one notebook.

    Parameters
    ----------
    notebook
        The notebook's name: its file's name without number and ending.
    study
        A file in ``studies/``, without ``.yaml``.
    as_of
        ``YYYY-MM-DD`` (that day's end), ``latest``, or empty for the study's own day.

    Returns
    -------
    Run

    Raises
    ------
    StudyError
        There is no such study, its file is not valid, or the data cannot answer for that day.
    DataError
        The data cannot be loaded.
    """
    given = os.environ.get("CRM_RUN")
    if given:
        return _open_in_pipeline(Path(given), notebook, study)
    root = find_root()
    chosen = read_study(root, study)
    snapshot = snapshots.current(root, study)
    if (
        snapshot is None
        or snapshot.manifest["options"] != chosen.source
        or snapshot.manifest["zone"] != chosen.timezone
    ):
        snapshot = loading.load(root, chosen)[0]
    moment = snapshot.as_of(as_of or chosen.as_of, chosen)
    folder = root / "reports" / study / "draft" / str(moment)  # no dot: JupyterLab hides those
    run = Run(notebook, chosen, snapshot, moment, folder)
    shown = folder.relative_to(root).as_posix()
    opened = _("Opened by hand: {study} as of {day}. Results go to the draft in {folder}.")
    run.say(opened.format(study=chosen.title, day=moment, folder=shown))
    for name, value in chosen.parameters(notebook).items():
        here = getattr(__main__, name, value)
        if here != value:
            other = _("The study sets {name} = {set}; this notebook goes on with {name} = {here}.")
            run.say(other.format(name=name, set=repr(value), here=repr(here)))
    return run


def _open_in_pipeline(folder: Path, notebook: str, study: str) -> Run:
    if os.environ.get("CRM_PYTHON", sys.executable) != sys.executable:
        raise RunError(
            f"This kernel runs {sys.executable}, but the run was started with {os.environ['CRM_PYTHON']}. "
            "Remove the Jupyter kernel 'python3' that stands in the way: jupyter kernelspec list."
        )
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if study != manifest["study"]:
        raise StudyError(f"This run is of '{manifest['study']}', not of '{study}'.")
    root = Path(os.environ["CRM_ROOT"])
    chosen = read_study(root, study, path=folder / "study.yaml")
    snapshot = snapshots.find(root, study, manifest["snapshot"]["id"])
    return Run(notebook, chosen, snapshot, snapshot.as_of(manifest["as_of"], chosen), folder)
