"""What does a notebook open? The tables as they were known on a day, and a place for its results.

Started by the pipeline, a run writes to that run's folder. Opened by hand (JupyterLab, bare papermill) it
writes to a draft, loads the data itself when none are loaded, and never touches a published report.
"""

from crm_utils.run.notebook_run import Run
from crm_utils.run.opening import open_run
from crm_utils.run.view import View

__all__ = ["Run", "View", "open_run"]
