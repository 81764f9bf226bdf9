"""A kernel that is gone: only one that was killed may have been out of memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crm_utils.runner.kernel import _how_it_died


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("import os; os.kill(os.getpid(), 9)", "out of memory (--jobs 1 leaves it more), or killed from"),
        ("import os; os.kill(os.getpid(), 11)", "a library crashed or it was killed (SIGSEGV)."),
        (
            "raise SystemExit(1)",
            "its kernel ended with exit code 1: the notebook ended it, or standard error says",
        ),
    ],
)
def test_how_a_kernel_died_is_told_by_its_end(does: str, said: str) -> None:
    kernel = subprocess.Popen([sys.executable, "-S", "-c", does])
    kernel.wait(30)
    assert said in _how_it_died(kernel)
    assert ("memory" in _how_it_died(kernel)) == (kernel.returncode == -9)
