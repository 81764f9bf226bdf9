"""Time is up, or somebody stops it: whatever is at work ends, and what leaves is the one sentence."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from crm_utils.errors import RunError
from crm_utils.tools import signals
from crm_utils.tools.signals import on_stop, seconds_left, stopping, within

CON = duckdb.connect()
ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"


def sleeps() -> None:
    time.sleep(30)


def naps() -> None:
    for _ in range(300):  # such an interrupt comes between two steps of Python, and ends no sleep
        time.sleep(0.1)


def counts() -> None:
    while True:
        pass


def asks_duckdb() -> None:
    on_stop(CON.interrupt)
    CON.execute("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b").fetchall()


def asks_sqlite() -> None:
    with closing(sqlite3.connect(":memory:")) as con:
        con.set_progress_handler(stopping, 10_000)
        con.execute(ENDLESS).fetchall()


def swallows() -> None:
    try:
        time.sleep(30)
    except RunError:
        raise ValueError("the driver was interrupted") from None


def ended(begin: str, work: Callable[[], None]) -> tuple[str, float]:
    """What ended a process that was at work, and after how many seconds."""
    code = f"""
import os, signal, sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_signals as t
{begin}
    t.{work.__name__}()
"""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    return done.stderr.strip().splitlines()[-1], time.monotonic() - begun


@pytest.mark.parametrize("work", [sleeps, counts, asks_duckdb, asks_sqlite, swallows])
def test_time_is_up(work) -> None:
    said, seconds = ended('with t.within(0.3, "It took too long."):', work)
    assert said.endswith("It took too long.")
    assert seconds < 25


@pytest.mark.parametrize("work", [sleeps, asks_duckdb, asks_sqlite])
def test_sigterm_ends_what_handles_no_signals(work) -> None:
    timer = "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()"
    said, seconds = ended(f'{timer}\nwith t.signals.stoppable(), t.within(60, "Too long."):', work)
    assert "by SIGTERM" in said
    assert seconds < 25


def test_without_a_systems_timer_another_thread_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_HAS_TIMER", False)
    with pytest.raises(RunError, match="It took too long."), within(0.3, "It took too long."):
        naps()


def test_the_nearest_end_counts_and_nothing_stays() -> None:
    assert seconds_left() is None
    with within(100, "outer"), within(10, "inner"):
        assert 9 < (seconds_left() or 0) <= 10
    assert seconds_left() is None
    before = signal.getsignal(signal.SIGALRM)
    with within(100, "never"):
        pass
    assert signal.getsignal(signal.SIGALRM) == before


def test_what_cannot_be_ended_in_order_is_ended_outright() -> None:
    code = """
import time
from crm_utils.tools import signals
signals.LAST_SECONDS = 1
with signals.within(0.3, "It took too long."):
    while True:
        try:
            time.sleep(60)
        except Exception:
            pass
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stderr) == (5, "Error: It took too long.\n")
