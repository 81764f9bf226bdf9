"""A load or a run in a process of its own, of a database that does not answer: how it ends, and how soon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ended", "ends"]

#: Seconds from the limit to the end that a busy machine may take: imports, interrupts, a server that lets go.
SLACK = 30


@dataclass(frozen=True)
class Ended:
    """The exit code, what was said, and seconds from the start."""

    code: int
    said: str
    seconds: float


def ends(
    root: Path, *arguments: str, at_work: Callable[[], bool], number: signal.Signals | None = None
) -> Ended:
    """Start ``crm``; when the database is at work, send the signal if there is one; wait for the end.

    One sentence is said and no traceback, the lock is free again, and the database is no longer at work.
    """
    begun = time.monotonic()
    crm = subprocess.Popen(
        [sys.executable, "-m", "crm_utils.command.cli", *arguments],
        cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    try:
        if number is not None:
            _wait_for(at_work, crm)
            crm.send_signal(number)
        said, _ = crm.communicate(timeout=60)
    finally:
        crm.kill()
    seconds = time.monotonic() - begun
    said = " ".join(said.split())
    assert said.count("Error: ") == 1, said
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert not list((root / "data").rglob("CURRENT"))
    assert not list((root / "reports").rglob(".lock.json"))
    deadline = time.monotonic() + SLACK
    while at_work():  # the server ends what nobody waits for
        assert time.monotonic() < deadline, "the query goes on without anybody"
        time.sleep(0.2)
    return Ended(crm.returncode, said, seconds)


def _wait_for(at_work: Callable[[], bool], crm: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not at_work():
        assert crm.poll() is None, crm.communicate()[0]
        assert time.monotonic() < deadline, "the query never began"
        time.sleep(0.05)
