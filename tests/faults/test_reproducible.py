"""Same snapshot, day and parameters: the same tables and results, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tiny import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def left_by(root: Path, *arguments: str, **environment: str) -> dict[str, bytes]:
    """What a run in a process of its own leaves for machines."""
    command = [sys.executable, "-m", "crm_utils.cli", "run", "tiny", *arguments]
    ended = subprocess.run(
        command, cwd=root, capture_output=True, text=True, env=os.environ | environment, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    report = root / "reports" / "tiny" / "latest"
    return {p.name: p.read_bytes() for kind in ("tables", "results") for p in (report / kind).iterdir()}


def test_the_projects_notebooks_whatever_the_jobs_and_the_process(loaded: Path, outcome) -> None:
    for path in NOTEBOOKS:
        shutil.copy(path, loaded / "notebooks")
    alone = left_by(loaded, "--jobs", "1", PYTHONHASHSEED="1", TZ="Asia/Seoul")
    beside = left_by(loaded, "--jobs", "4", PYTHONHASHSEED="2", TZ="America/New_York")
    assert {f"{path.stem[3:]}.json" for path in NOTEBOOKS} <= alone.keys()
    assert alone.keys() == beside.keys()
    assert [name for name in alone if alone[name] != beside[name]] == []
    outcome(
        "the same run in other processes, 1 and 4 jobs", 2, "tables/ and results/ are the same, byte for byte"
    )
