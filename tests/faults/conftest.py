"""Faults are committed, not mocked. Each test counts its tries; the session ends with a table of outcomes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import pytest
from outlier_shop import HOOK, Planted, plant

from crm_utils import snapshots

OUTCOMES: list[tuple[str, int, str]] = []


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Callable[[str, int, str], None]:
    """Note a fault, how often it was committed, and what came of it; only a test that passes is believed."""
    return lambda fault, tries, what: request.node.user_properties.append(("outcome", (fault, tries, what)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """From whichever process the test ran in."""
    if report.when == "call" and report.passed:
        OUTCOMES.extend(tuple(noted) for name, noted in report.user_properties if name == "outcome")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if OUTCOMES:
        terminalreporter.section("faults")
        width = max(len(fault) for fault, _, _ in OUTCOMES)
        terminalreporter.write_line(f"{'fault':<{width}}  tries  outcome")
        for fault, tries, what in sorted(OUTCOMES):
            terminalreporter.write_line(f"{fault:<{width}}  {tries:>5}  {what}")


@dataclass
class Ended:
    """How a command ended and what it said."""

    code: int
    said: str


@dataclass
class Command:
    """The command ``crm`` at work in a process of its own."""

    process: Any
    output: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self, seconds: float = 120) -> Ended:
        self.process.join(seconds)
        assert self.process.exitcode is not None, f"still at work: {self.output.read_text()}"
        return Ended(self.process.exitcode, " ".join(self.output.read_text(encoding="utf-8").split()))

    def kernel(self, seconds: float = 60) -> psutil.Process:
        """Its first kernel, as soon as there is one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                for child in psutil.Process(self.pid).children():
                    if "ipykernel_launcher" in " ".join(child.cmdline()):
                        return child
            except psutil.NoSuchProcess:
                break
            time.sleep(0.01)
        raise AssertionError(f"no kernel: {self.output.read_text()}")


def _crm(
    root: Path, arguments: tuple[str, ...], output: Path, user: int, environment: dict[str, str]
) -> None:
    """Runs in the new process: the real command, with its real exit code."""
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(root)
    os.environ.update({"COLUMNS": "200"} | environment)
    tempfile.tempdir = None  # as TMPDIR says now
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    from crm_utils.command.cli import app

    app(arguments)


@pytest.fixture(scope="session")
def forks() -> Any:
    """A process that has imported everything and forks one for each command: seconds saved, nothing else."""
    context = get_context("forkserver")
    context.set_forkserver_preload(
        ["crm_utils.command.cli", "crm_utils.runner.pipeline", "crm_utils.reports.pages"]
    )
    return context


@pytest.fixture
def start(
    forks: Any, loaded: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Command]]:
    """Start the command in the project's folder; whatever is left of it at the end is killed."""
    outputs, started = tmp_path_factory.mktemp("outputs"), []

    def call(
        *arguments: str, root: Path = loaded, user: int = 0, output: Path | None = None, **environment: str
    ) -> Command:
        if output is None:
            output = outputs / f"{len(started)}.txt"
            output.touch()  # a signal may come before the process has opened it
        process = forks.Process(target=_crm, args=(root, arguments, output, user, environment))
        process.start()
        started.append(Command(process, output))
        return started[-1]

    yield call
    for command in started:
        if command.process.exitcode is None:
            command.process.kill()


@pytest.fixture
def crm(start: Callable[..., Command]) -> Callable[..., Ended]:
    """The command from its start to its end."""
    return lambda *arguments, **options: start(*arguments, **options).end()


@dataclass(frozen=True)
class PlantedRun:
    """A run of all notebooks on the shop of :mod:`outlier_shop`, one notebook after the other.

    Attributes
    ----------
    root
        The project.
    drawn
        What matplotlib drew, a line of JSON a picture, a file a kernel.
    left
        Bytes of ``tables/`` and ``results/``.
    """

    root: Path
    planted: Planted
    drawn: list[Path]
    left: dict[str, bytes]

    @property
    def report(self) -> Path:
        return self.root / "reports" / "planted" / "latest"


def left_by(root: Path, *arguments: str, **environment: str) -> dict[str, bytes]:
    """What a run in a process of its own leaves for machines."""
    command = [sys.executable, "-m", "crm_utils.command.cli", "run", "planted", *arguments]
    ended = subprocess.run(
        command, cwd=root, capture_output=True, text=True, env=os.environ | environment, timeout=500
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = root / "reports" / "planted" / "latest"
    return {p.name: p.read_bytes() for kind in ("tables", "results") for p in (report / kind).iterdir()}


@pytest.fixture(scope="session")
def planted_run(tmp_path_factory: pytest.TempPathFactory) -> PlantedRun:
    """All notebooks once, for whoever looks at what they leave: it is the costly part."""
    root = tmp_path_factory.mktemp("planted")
    planted, hook = plant(root), root / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    path = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
    odd = {"PYTHONHASHSEED": "1", "TZ": "Asia/Seoul", "MPLBACKEND": "agg"}
    left = left_by(root, "--jobs", "1", PYTHONPATH=path, CRM_DRAWN=str(root / "drawn"), **odd)
    return PlantedRun(root, planted, sorted(root.glob("drawn.*")), left)


def newest_run(root: Path) -> tuple[Path, dict[str, Any]]:
    """The last run's folder and what it says of itself."""
    folder = max((root / "reports" / "tiny" / ".runs").iterdir())
    return folder, json.loads((folder / "run.json").read_text(encoding="utf-8"))


def visible(root: Path) -> dict[str, bytes]:
    """All that readers of the report and of the snapshots can see."""
    contents = {}
    report = root / "reports" / "tiny" / "latest"
    for path in [*sorted(report.rglob("*")), *sorted((root / "data").rglob("*"))]:
        if path.is_file():
            contents[str(path.relative_to(root))] = path.read_bytes()
    return contents


def whole_seed(root: Path) -> int:
    """The seed that the published report was made with, after checking that it is whole and of one run."""
    report = (root / "reports" / "tiny" / "latest").resolve()
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert (manifest["status"], manifest["published"]) == ("passed", True)
    assert report == (root / "reports" / "tiny" / manifest["as_of"]).resolve()
    seed = manifest["notebooks"][0]["parameters"].get("seed", 0)
    for entry in manifest["notebooks"]:
        for file, digest in entry["files"].items():
            from crm_utils.snapshots import sha256

            assert sha256(report / file) == digest, file
        page = (report / f"{entry['name']}.html").read_text(encoding="utf-8")
        assert page.rstrip().endswith("</html>")
    assert (report / "index.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    results = json.loads((report / "results" / "numbers.json").read_text(encoding="utf-8"))
    assert results["numbers"]["seed"]["value"] == seed
    # What it was made from is there, every byte.
    assert snapshots.open_snapshot(
        root / "data" / "snapshots" / "tiny" / manifest["snapshot"]["id"], verify=True
    )
    return seed
