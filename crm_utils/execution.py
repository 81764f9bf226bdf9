"""How is one notebook executed? By papermill, in a kernel of this very Python, that we can kill.

The kernel does not depend on which kernels a machine has registered: its command is this interpreter. It
talks over local sockets where the system has them (over TCP elsewhere), and gets an environment in which
results repeat: one BLAS thread, a fixed hash seed, no start-up files of the user.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop

from crm_utils import durable
from crm_utils._papermill import CellTimeoutError, DeadKernelError, papermill
from crm_utils.notebook_file import NotebookFile
from crm_utils.privacy import KEY_NAME

__all__ = ["Execution", "Executor", "work_folder"]

HAS_LOCAL_SOCKETS = os.name == "posix"
START_TIMEOUT_SECONDS = 120
#: An error may quote a whole table; a reason is read in a line of a log, a mail, a page.
REASON_CHARACTERS = 1_000
#: What kernels do not inherit: the first would have each import everything anew; the second is for loads,
#: which are over when kernels start, and executed notebooks may be shown to anybody.
_WITHHELD = {"PYTHONDONTWRITEBYTECODE", KEY_NAME}


@dataclass(frozen=True)
class Execution:
    """What became of one notebook: passed or failed, why (one sentence), and how long it took."""

    status: str
    reason: str
    seconds: float


class Executor:
    """Executes notebooks of one run, from several threads if need be, and can stop them all.

    Parameters
    ----------
    folder
        The run's folder; executed notebooks are put there.
    notebooks
        What may be executed. Their files are copied at once: later edits are for the next run.
    environment
        Variables for the kernels, beside this process's own (but not the key of pseudonyms).
    cell_timeout
        Seconds that one cell may take.
    """

    def __init__(
        self,
        folder: Path,
        notebooks: Iterable[NotebookFile],
        environment: dict[str, str],
        *,
        cell_timeout: int,
    ) -> None:
        self._folder, self._cell_timeout = folder, cell_timeout
        self._work = work_folder(folder)
        self._work.mkdir(mode=0o700)
        for notebook in notebooks:
            shutil.copyfile(notebook.path, self.source(notebook))
        own = {name: value for name, value in os.environ.items() if name not in _WITHHELD}
        self._environment = own | {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "IPYTHONDIR": str(self._work),
            "CRM_PYTHON": sys.executable,
        } | environment  # fmt: skip
        self._kernels: list[AsyncKernelManager] = []
        self._stopped = ""
        self._lock = threading.Lock()

    def source(self, notebook: NotebookFile) -> Path:
        """The copy of a notebook that is executed."""
        return self._work / notebook.path.name

    def execute(self, notebook: NotebookFile, parameters: dict[str, Any]) -> Execution:
        """Run one notebook from top to bottom; leave it, executed, in the run's folder."""
        started = time.monotonic()
        working = self._work / f"out-{notebook.path.name}"
        try:
            if self._stopped:
                return Execution("failed", self._stopped, 0.0)
            papermill.execute_notebook(
                self.source(notebook),
                working,
                parameters=parameters,
                kernel_name="python3",
                progress_bar=False,
                start_timeout=START_TIMEOUT_SECONDS,
                execution_timeout=self._cell_timeout,
                request_save_on_cell_execute=True,
                kernel_manager_class=self._kernel_class(),
            )
            reason = ""
        except Exception as error:  # whatever it was, the run goes on and says so
            reason = self._stopped or self._explain(notebook, working, error)
        finally:
            self._keep(working, self._folder / f"{notebook.name}.ipynb")
            ensure_event_loop().close()  # nbclient makes one a thread, and leaves it open
        return Execution("failed" if reason else "passed", reason, round(time.monotonic() - started, 3))

    def stop(self, reason: str) -> None:
        """Kill every kernel, now; what was running fails with this reason, what follows does not start."""
        with self._lock:
            self._stopped = reason
            kernels = list(self._kernels)
        for kernel in kernels:
            _kill(kernel)

    def close(self) -> None:
        """Kill what is left and remove the working files."""
        self.stop(self._stopped or "The run is over.")
        shutil.rmtree(self._work, ignore_errors=True)

    def _explain(self, notebook: NotebookFile, working: Path, error: Exception) -> str:
        """One sentence: which notebook, which cell, what happened, what to do."""
        where = f"{notebook.path.name}, cell [{_last_cell(working)}]"
        if isinstance(error, papermill.PapermillExecutionError):
            said = _short(str(error.evalue).strip().partition("\n")[0])
            # Our own errors are sentences already; others need their class to be understood.
            ours = error.ename in {"CrmError", "DataError", "LockedError", "RunError", "StudyError"}
            what = said if ours else ": ".join(part for part in (error.ename, said) if part)
            return f"{notebook.path.name}, cell [{error.exec_count}]: {what.removesuffix('.')}."
        if isinstance(error, CellTimeoutError):
            limit = f"{self._cell_timeout} seconds"
            return f"{where}: took longer than {limit} and was stopped; --cell-timeout gives it more."
        # A kernel that dies while it starts is a RuntimeError of jupyter_client's.
        if isinstance(error, DeadKernelError) or "Kernel died" in str(error):
            return (
                f"{where}: its kernel died: out of memory (--jobs 1 leaves it more), killed from outside, "
                "or ended by the notebook itself."
            )
        return f"{notebook.path.name}: {type(error).__name__}: {_short(str(error))}"

    def _keep(self, working: Path, place: Path) -> None:
        """Move the executed notebook to its place, without papermill's notes on this machine's folders."""
        try:
            content = json.loads(working.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        content["metadata"].pop("papermill", None)
        for cell in content["cells"]:
            cell["metadata"].pop("papermill", None)
        durable.replace(place, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def _kernel_class(self) -> type[AsyncKernelManager]:
        executor, environment, work = self, self._environment, self._work

        class Kernel(AsyncKernelManager):  # type: ignore[misc, unused-ignore]
            """A kernel of this interpreter, whatever kernels the machine has registered."""

            def __init__(self, **kwargs: Any) -> None:
                if HAS_LOCAL_SOCKETS:
                    kwargs |= {"transport": "ipc"}
                super().__init__(**kwargs)
                with executor._lock:
                    executor._kernels.append(self)
                    number = len(executor._kernels)
                self.connection_file = str(work / f"kernel-{number}.json")

            async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override, unused-ignore]
                # Given here it is taken as it is; in a KernelSpec it would be added to this process's own,
                # and every $ in it expanded.
                await super().start_kernel(**kwargs | {"env": environment})
                if executor._stopped:  # the run was stopped while this kernel was being started
                    _kill(self)

            async def _async_interrupt_kernel(self) -> None:
                """Do nothing: before a kernel is asked to end it would be interrupted, and log an error."""

            @property
            def kernel_spec(self) -> KernelSpec:
                command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
                return KernelSpec(argv=command, display_name="Python 3", language="python")

        return Kernel


def work_folder(folder: Path) -> Path:
    """Where a run keeps what only its kernels need; the name says whose it is, should it be left behind.

    Short: a local socket's path may have about 100 characters.
    """
    return Path(tempfile.gettempdir()) / f"crm-{folder.name}"


def _kill(kernel: AsyncKernelManager) -> None:
    """End a kernel and whatever it started."""
    process = getattr(kernel.provisioner, "process", None)
    if process is None:
        return
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)  # a kernel leads a process group of its own
        else:
            process.kill()


def _short(said: str) -> str:
    """What an error says, if it does not go on for ever; the notebook's page has all of it."""
    return said if len(said) <= REASON_CHARACTERS else f"{said[:REASON_CHARACTERS]}…"


def _last_cell(working: Path) -> str:
    """The number of the last cell that began: how many were begun that hold code."""
    try:
        cells = json.loads(working.read_text(encoding="utf-8"))["cells"]
        begun = [c for c in cells if c["cell_type"] == "code" and c["metadata"]["papermill"]["start_time"]]
    except (OSError, ValueError, KeyError):
        return "?"
    return str(sum(bool("".join(cell["source"]).strip()) for cell in begun))
