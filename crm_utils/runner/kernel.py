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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop

from crm_utils.people.contact_forms import hidden
from crm_utils.run.stopping import CannotSay
from crm_utils.runner import outputs
from crm_utils.runner._papermill import CellTimeoutError, DeadKernelError, papermill
from crm_utils.runner.notebook_file import NotebookFile
from crm_utils.tools import durable

__all__ = ["Execution", "Executor", "work_folder"]

HAS_LOCAL_SOCKETS = os.name == "posix"
#: A local socket's path has some 103 bytes at most, and ``/kernel-99-ipc-5`` stands behind this.
LONGEST_FOLDER = 85
START_TIMEOUT_SECONDS = 120
#: An error may quote a whole table; a reason is read in a line of a log, a mail, a page.
REASON_CHARACTERS = 1_000


@dataclass(frozen=True)
class Execution:
    """What became of one notebook: passed, cannot (say it of these data) or failed; why; how long it took."""

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
        All variables of the kernels, but for those by which results repeat.
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
        self._environment = environment | {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # a user's Agg shows no picture
            "IPYTHONDIR": str(self._work),
            "CRM_PYTHON": sys.executable,
            "CRM_SHARED": str(self._work),
        }
        self._kernels: list[AsyncKernelManager] = []
        self._begun: dict[str, int] = {}
        self._stopped = ""
        self._lock = threading.Lock()

    def source(self, notebook: NotebookFile) -> Path:
        """The copy of a notebook that is executed."""
        return self._work / notebook.path.name

    def execute(self, notebook: NotebookFile, parameters: dict[str, Any]) -> Execution:
        """Run one notebook from top to bottom; leave it, executed, in the run's folder."""
        started = time.monotonic()
        working = self._working(notebook)
        begun: list[subprocess.Popen[bytes]] = []
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
                kernel_manager_class=self._kernel_class(begun),
            )
            status, reason = "passed", ""
        except papermill.PapermillExecutionError as error:
            said = error.ename == CannotSay.__name__ and not self._stopped
            status = "cannot" if said else "failed"
            reason = str(error.evalue) if said else self._stopped or self._explain(notebook, working, error)
        except Exception as error:  # whatever it was, the run goes on and says so
            status, reason = "failed", self._stopped or self._explain(notebook, working, error, begun)
        finally:
            for process in begun:  # the kernel has ended; what it started may not have
                _kill_group(process.pid)
            self._keep(working, self._folder / f"{notebook.name}.ipynb")
            ensure_event_loop().close()  # nbclient makes one a thread, and leaves it open
        return Execution(status, reason, round(time.monotonic() - started, 3))

    def progress(self, notebook: NotebookFile) -> tuple[int, int]:
        """How many cells with code a notebook that is running has begun, and how many it has.

        While its file is being written, it has begun what it had before.
        """
        cells = _code_cells(self._working(notebook)) or _code_cells(self.source(notebook))
        begun = max(self._begun.get(notebook.name, 0), sum(map(_begun, cells)))
        self._begun[notebook.name] = begun
        return begun, len(cells)

    def _working(self, notebook: NotebookFile) -> Path:
        """Where papermill writes it, after each cell."""
        return self._work / f"out-{notebook.path.name}"

    def stop(self, reason: str) -> None:
        """Kill every kernel, now; what was running fails with this reason, what follows does not start."""
        with self._lock:
            self._stopped = reason
            kernels = list(self._kernels)
        for kernel in kernels:
            _kill(kernel)

    def close(self) -> None:
        """Kill what is left, also what a notebook started and left behind, and remove the working files."""
        self.stop(self._stopped or "The run is over.")
        _kill_marked(self._environment.get("CRM_RUN", ""))
        shutil.rmtree(self._work, ignore_errors=True)

    def _explain(
        self,
        notebook: NotebookFile,
        working: Path,
        error: Exception,
        kernels: Sequence[subprocess.Popen[bytes]] = (),
    ) -> str:
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
            return f"{where}: {_how_it_died(kernels[-1] if kernels else None)}"
        return f"{notebook.path.name}: {type(error).__name__}: {_short(str(error))}"

    def _keep(self, working: Path, place: Path) -> None:
        """Move the executed notebook to its place, without papermill's notes on this machine's folders."""
        try:
            content = json.loads(working.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        content["metadata"].pop("papermill", None)
        content["cells"] = _as_far_as_it_could(content["cells"])
        for cell in content["cells"]:
            cell["metadata"].pop("papermill", None)
            if "outputs" in cell:
                cell["outputs"] = outputs.kept(cell["outputs"])
        durable.replace(place, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def _kernel_class(self, begun: list[subprocess.Popen[bytes]]) -> type[AsyncKernelManager]:
        executor, environment, work = self, self._environment, self._work

        class Kernel(AsyncKernelManager):  # type: ignore[misc, unused-ignore]
            """A kernel of this interpreter, whatever kernels the machine has registered."""

            def __init__(self, **kwargs: Any) -> None:
                # In a deeper folder: by this machine's own network address, with a key.
                if HAS_LOCAL_SOCKETS and len(os.fsencode(work)) <= LONGEST_FOLDER:
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
                process = getattr(self.provisioner, "process", None)
                if process is not None and os.name == "posix":
                    begun.append(process)  # it leads a group of its own
                if executor._stopped:  # the run was stopped while this kernel was being started
                    _kill(self)

            async def _async_interrupt_kernel(self) -> None:
                """Do nothing: before a kernel is asked to end it would be interrupted, and log an error."""

            @property
            def kernel_spec(self) -> KernelSpec:
                command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
                return KernelSpec(argv=command, display_name="Python 3", language="python")

        return Kernel


def _how_it_died(kernel: subprocess.Popen[bytes] | None) -> str:
    """Only a kernel that was killed may have been out of memory; one that ended with a code was not."""
    code = None if kernel is None else kernel.poll()
    if code is None or code == -signal.SIGKILL:
        return "its kernel died: out of memory (--jobs 1 leaves it more), or killed from outside."
    if code < 0:
        return f"its kernel died: a library crashed or it was killed ({signal.Signals(-code).name})."
    return f"its kernel ended with exit code {code}: the notebook ended it, or standard error says why."


def _as_far_as_it_could(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells of a notebook that could not answer: up to the one that said so, without its error."""
    for number, cell in enumerate(cells):
        left = cell.get("outputs", [])
        if any(o["output_type"] == "error" and o["ename"] == CannotSay.__name__ for o in left):
            cell["outputs"] = [o for o in left if o["output_type"] != "error"]
            kept = [*cells[:number], cell]
            return [c for c in kept if "papermill-error-cell-tag" not in c["metadata"].get("tags", [])]
    return cells


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
    if os.name == "posix":
        _kill_group(process.pid)
    else:
        with suppress(ProcessLookupError, PermissionError):
            process.kill()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _kill_marked(run: str) -> None:
    """End processes that a notebook started, wherever they went: they carry the run in their environment."""
    keep = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if run and process.pid not in keep and process.environ().get("CRM_RUN") == run:
                process.kill()


def _short(said: str) -> str:
    """What an error says, if it does not go on for ever; the notebook's page has more of it."""
    said = hidden(said)
    return said if len(said) <= REASON_CHARACTERS else f"{said[:REASON_CHARACTERS]}…"


def _last_cell(working: Path) -> str:
    """The number of the last cell that began: how many were begun that hold code."""
    cells = _code_cells(working)
    return str(sum(map(_begun, cells))) if cells else "?"


def _code_cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells that hold code; none while the file is not there, or just being written."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return []
    return [c for c in cells if c["cell_type"] == "code" and "".join(c["source"]).strip()]


def _begun(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("papermill", {}).get("start_time"))
