"""What a killed process left is removed by the next one; what others are at work with is not."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from crm_utils.tools import scratch


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_killed_processs_folder_goes_with_the_next(temporary: Path) -> None:
    code = "import os, signal\nfrom crm_utils.tools.scratch import new_folder\nnew_folder('spill')"
    killed = f"{code}\nos.kill(os.getpid(), signal.SIGKILL)"
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", killed], env=os.environ | {"TMPDIR": str(temporary)})
        assert ended.returncode == -9
        assert len(list(temporary.iterdir())) == 1, "the second removed what the first left"
    mine = scratch.new_folder("check")
    assert list(temporary.iterdir()) == [mine]
    assert stat.S_IMODE(mine.stat().st_mode) == 0o700


def test_what_is_in_use_or_somebody_elses_stays(temporary: Path) -> None:
    living = temporary / f"crm-spill-{os.getppid()}-x"
    living.mkdir()
    (temporary / "crm-spill-999999999-link").symlink_to(living)
    (temporary / "crm-notes").mkdir()
    scratch.remove_abandoned()
    assert len(list(temporary.iterdir())) == 3


def test_what_another_process_removes_meanwhile_is_no_error(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in (999999998, 999999999):
        (temporary / f"crm-spill-{owner}-x").mkdir()

    def exists(owner: int) -> bool:
        (temporary / f"crm-spill-{owner}-x").rmdir()
        return False

    monkeypatch.setattr("psutil.pid_exists", exists)
    scratch.remove_abandoned()
    assert not list(temporary.iterdir())
