"""Whom to tell when a run ended? A command of the operator's, called without a shell."""

from __future__ import annotations

import csv
import io
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from crm_utils.errors import StudyError

__all__ = ["Hook"]

#: Seconds after which a hook that hangs is killed: the next run is not to wait for it.
TIMEOUT_SECONDS = 60
#: Linux starts no command with a variable of more than 128 kB.
MESSAGE_CHARACTERS = 4_000


class Hook:
    """A command that is called once a run, whatever became of it.

    Its last argument is the path of the run's ``run.json``, left out when the run was refused before it
    had one; beside it lies ``summary.txt``, what a mail would say of the report. ``CRM_EXIT_CODE`` and
    ``CRM_MESSAGE`` (empty when all is well; its first 4,000 characters) stand in its environment; so do
    ``CRM_ALERTS``, the scorecard's ``alerts.csv`` (empty where there is none), and ``CRM_ALERTS_NEW``, how
    many of them no earlier report told: whoever wakes people looks at that number alone.

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
            self._words = _words(command)
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
        from crm_utils.people.contact_forms import hidden  # its room waits for pandas

        environment = os.environ | {"CRM_EXIT_CODE": str(code), "CRM_MESSAGE": _fit(hidden(message))}
        environment |= _alerts(manifest)
        try:
            ended = subprocess.run(
                words, env=environment, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return f"The --on-end command failed: {error}."
        return f"The --on-end command ended with {ended.returncode}." if ended.returncode else ""


def _alerts(manifest: Path | None) -> dict[str, str]:
    """Where the alerts of a run are, and how many of them are new; none where they cannot be read."""
    path = manifest.parent / "tables" / "alerts.csv" if manifest else None
    try:
        with path.open(encoding="utf-8-sig", newline="") if path else io.StringIO() as file:
            new = sum(row.get("state") == "new" for row in csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        path, new = None, 0
    return {"CRM_ALERTS": str(path or ""), "CRM_ALERTS_NEW": str(new)}


def _words(command: str, *, windows: bool = os.name == "nt") -> list[str]:
    r"""A command's words. Windows' paths are full of backslashes, so there they quote nothing.

    Examples
    --------
    >>> _words("'C:\\my tools\\tell.exe' -v", windows=True)
    ['C:\\my tools\\tell.exe', '-v']
    """
    words = shlex.split(command, posix=not windows)
    return [w[1:-1] if windows and w[:1] in ("'", '"') and w[-1] == w[0] else w for w in words]


def _fit(message: str) -> str:
    """As much of a message as a variable holds, in the letters that the system has."""
    charset = sys.getfilesystemencoding()
    short = message.replace("\0", " ")[:MESSAGE_CHARACTERS]
    return short.encode(charset, "backslashreplace").decode(charset)
