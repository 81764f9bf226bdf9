"""Whom to tell when a run ended? A command of the operator's, called without a shell."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from crm_utils.errors import StudyError

__all__ = ["Hook"]

#: Seconds after which a hook that hangs is killed: the next run is not to wait for it.
TIMEOUT_SECONDS = 60


class Hook:
    """A command that is called once a run, whatever became of it.

    Its last argument is the path of the run's ``run.json``, left out when the run was refused before it
    had one. ``CRM_EXIT_CODE`` and ``CRM_MESSAGE`` (empty when all is well) stand in its environment.

    Parameters
    ----------
    command
        As one would type it; words in quotes stay together, nothing is expanded. Empty: nobody is told.

    Raises
    ------
    StudyError
        The command is not there, or its quotes are not closed: better said before the run than after.
    """

    def __init__(self, command: str) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise StudyError(f"--on-end {command}: {error}.") from None
        if self._words and shutil.which(self._words[0]) is None:
            raise StudyError(f"--on-end: there is no command '{self._words[0]}' that this user may start.")

    def __call__(self, manifest: Path | None, code: int, message: str) -> str:
        """Tell how a run ended.

        Returns
        -------
        str
            What went wrong with the command itself; empty when nothing did. It never changes how a run ends.
        """
        if not self._words:
            return ""
        words = [*self._words, *([str(manifest)] if manifest else [])]
        told = os.environ | {"CRM_EXIT_CODE": str(code), "CRM_MESSAGE": message}
        try:
            ended = subprocess.run(
                words, env=told, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"The --on-end command failed: {error}."
        return f"The --on-end command ended with {ended.returncode}." if ended.returncode else ""
