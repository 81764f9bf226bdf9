"""What can happen to the run itself: signals at any moment, a second run, a stale lock, a clock set back."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import psutil
import pytest
from conftest import Command, newest_run, visible, whole_seed
from faults_project import KERNEL_KILLS, RUNNER_KILLS, moment, write_numbers
from notebook_maker import write_notebook


def phase(root: Path, before: set[str]) -> str:
    """How far the run came that was just killed, as its own record says."""
    new = [p for p in (root / "reports" / "tiny" / ".runs").iterdir() if p.name not in before]
    if not new:
        return "before its record"
    try:
        manifest = json.loads((new[0] / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "at its record"
    if manifest["published"]:
        return "while publishing or after"
    return {"running": "while executing", "passed": "while rendering"}[manifest["status"]]


def children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def test_the_runner_is_killed_at_random_moments(loaded, start, crm, outcome) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    begun = time.monotonic()
    assert crm("run", "tiny").code == 0
    length, rng, last, came = time.monotonic() - begun, random.Random(2), 0, Counter()
    runs = loaded / "reports" / "tiny" / ".runs"
    for seed in range(1, RUNNER_KILLS + 1):
        if seed % 4 == 0:  # every fourth run has new data to load first
            pd.DataFrame({"coupon_upc": [seed], "product_id": [1], "campaign_id": [1]}).to_parquet(
                loaded / "raw" / "coupons.parquet", index=False
            )
        before = {path.name for path in runs.iterdir()}
        running = start("run", "tiny", "--set", f"numbers.seed={seed}")
        time.sleep(moment(rng, seed, length))
        kernels = children(running.pid)
        running.process.kill()
        running.process.join()
        finished = running.process.exitcode == 0
        came["it had ended" if finished else phase(loaded, before)] += 1
        seen = whole_seed(loaded)
        assert seen == seed if finished else seen in (last, seed)
        assert psutil.wait_procs(kernels, timeout=10)[1] == []  # orphans end by themselves
        begun = time.monotonic()
        ended = crm("run", "tiny", "--resume", "--set", f"numbers.seed={seed}")
        assert ended.code == 0, ended.said
        if not finished:  # as long as a run takes just now
            length = (length + time.monotonic() - begun) / 2
        last = whole_seed(loaded)
        assert last == seed
        manifests = [json.loads((run / "run.json").read_text(encoding="utf-8")) for run in runs.iterdir()]
        assert "running" not in {manifest["status"] for manifest in manifests}
        leftovers = {p.name for p in (loaded / "reports" / "tiny").iterdir()}
        assert leftovers == {".lock", ".runs", "2017-12-31", "latest"}
    assert not list((loaded / "data" / "snapshots" / "tiny").glob(".*"))
    broken = [m for m in manifests if m["status"] == "failed"]
    assert all("broken off: its process was killed" in m["reason"] for m in broken)
    summary = ", ".join(f"{n} {what}" for what, n in sorted(came.items()))
    outcome(
        "SIGKILL of the runner at a random moment",
        RUNNER_KILLS,
        f"{summary}; report whole, next run published",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_in_order(loaded, start, crm, outcome, number: signal.Signals) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    before = visible(loaded)
    write_notebook(loaded, 2, "sleepy", "open('started', 'w').close()\nimport time\ntime.sleep(600)")
    running = start("run", "tiny")
    deadline = time.monotonic() + 60
    while not (loaded / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    other = crm("run", "tiny")
    assert other.code == 4
    assert f"Another run of 'tiny' is at work (process {running.pid}, for" in other.said
    assert crm("load-data", "tiny").code == 4
    os.kill(running.pid, number)
    os.kill(running.pid, number)  # an impatient second one changes nothing
    ended = running.end(30)
    assert ended.code == 128 + number, ended.said
    assert f"Error: Stopped by {number.name}. Nothing was published." in ended.said
    folder, manifest = newest_run(loaded)
    assert manifest["status"] == "failed"
    sleepy = manifest["notebooks"][1]
    assert (sleepy["status"], sleepy["reason"]) == (
        "failed",
        f"Stopped by {number.name}. Nothing was published.",
    )
    assert f"Stopped by {number.name}" in (folder / "index.html").read_text(encoding="utf-8")
    assert visible(loaded) == before
    (loaded / "notebooks" / "02_sleepy.ipynb").unlink()
    assert crm("run", "tiny", "--resume").code == 0
    outcome(
        f"{number.name} of the runner", 2, f"exit {128 + number}, one sentence, a page; next run published"
    )
    outcome("second run of the same study", 2, "exit 4, says which process is at work")


def wait_until_it_listens(running: Command) -> None:
    """Until it catches SIGTERM, as Linux tells of a process; a busy machine takes its time to get there."""
    deadline, bit = time.monotonic() + 60, 1 << (signal.SIGTERM - 1)
    while running.process.is_alive() and time.monotonic() < deadline:
        status = Path(f"/proc/{running.pid}/status").read_text(encoding="ascii")
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) & bit:
            return
        time.sleep(0.005)


def test_signals_at_random_moments(loaded, start, crm, outcome) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    begun = time.monotonic()
    assert crm("run", "tiny").code == 0
    length, rng, came = time.monotonic() - begun, random.Random(3), Counter()
    for seed in range(1, KERNEL_KILLS + 1):
        last = whole_seed(loaded)
        running = start("run", "tiny", "--resume", "--set", f"numbers.seed={seed}")
        # From the moment it listens: before that there is nothing to end in order.
        wait_until_it_listens(running)
        time.sleep(rng.uniform(0, length))
        number = rng.choice([signal.SIGTERM, signal.SIGINT])
        if running.process.is_alive():
            os.kill(running.pid, number)
        ended = running.end()
        assert ended.code in (0, 128 + number, -number), ended.said
        came[f"exit {ended.code}"] += 1
        if ended.code == 128 + number and "The report" not in ended.said:
            assert re.search(r"Error: Stopped by SIG(INT|TERM)\.", ended.said)
        assert whole_seed(loaded) in (last, seed)
    assert crm("run", "tiny").code == 0
    summary = ", ".join(f"{n} × {what}" for what, n in sorted(came.items()))
    outcome("SIGTERM or SIGINT at a random moment", KERNEL_KILLS, f"{summary}; report whole")


def test_a_stale_lock_and_a_clock_set_back(loaded, crm, outcome) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    home = loaded / "reports" / "tiny"
    (home / ".lock.json").write_text('{"process": 1, "since": "2099-01-01T00:00:00+00:00"}')
    assert crm("run", "tiny", "--set", "numbers.seed=1").code == 0
    assert not (home / ".lock.json").exists()
    outcome("stale lock", 1, "the system had freed it; published")
    # What a clock leaves behind that was years ahead until just now: a dozen runs of the future.
    published = (home / "latest").resolve()
    for n in range(12):
        run = home / ".runs" / f"20990101T0000{n:02}-abcdef"
        shutil.copytree(published, run)
        manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
        manifest |= {"run_id": run.name, "started_at": "2099-01-01T00:00:00+00:00", "status": "failed"}
        (run / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    snapshot = next((loaded / "data" / "snapshots" / "tiny").glob("[0-9a-f]*"))
    os.utime(snapshot, (4e9, 4e9))
    for seed in (2, 3):
        assert crm("run", "tiny", "--set", f"numbers.seed={seed}").code == 0
        assert whole_seed(loaded) == seed
    outcome("clock set back by decades", 2, "the current report and snapshot stay; published")


WAITS = """
import os, time
open("started", "w").close()
while not os.path.exists("changed"):
    time.sleep(0.05)
run.record("year", time.gmtime().tm_year)
"""


@pytest.fixture(scope="session")
def own_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that sets the clock for the processes that load it: the machine's own is everybody's."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    if not sys.platform.startswith("linux") or shutil.which("cc") is None:
        pytest.skip("A clock of one's own needs Linux and a C compiler.")
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.parametrize("years", [-10, 10])
def test_the_clock_is_set_during_the_run(loaded, crm, outcome, own_clock: Path, years: int) -> None:
    write_numbers(loaded)
    write_notebook(loaded, 2, "waits", WAITS)
    clock = loaded / "clock"
    clock.write_text("0")
    preload = {"LD_PRELOAD": str(own_clock), "CRM_CLOCK": str(clock)}
    command = [sys.executable, "-m", "crm_utils.command.cli", "run", "tiny"]
    running = subprocess.Popen(
        command, cwd=loaded, env=os.environ | preload, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 60
    while not (loaded / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    clock.write_text(str(years * 365 * 86_400))
    (loaded / "changed").touch()
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 0, said.decode()
    report = loaded / "reports" / "tiny" / "latest"
    seen = json.loads((report / "results" / "waits.json").read_text())["numbers"]["year"]["value"]
    assert abs(seen - time.gmtime().tm_year - years) <= 1  # the fault was committed
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert 0 < manifest["seconds"] < 120
    assert all(0 < n["seconds"] < 120 for n in manifest["notebooks"])
    (loaded / "notebooks" / "02_waits.ipynb").unlink()
    assert crm("run", "tiny", "--set", "numbers.seed=1").code == 0
    assert whole_seed(loaded) == 1
    outcome(f"clock set by {years:+} years during the run", 1, "published, durations true; the next run too")


def test_a_study_and_a_notebook_edited_during_the_run(loaded, start, crm, outcome) -> None:
    notebook = write_numbers(loaded)
    write_notebook(loaded, 2, "sleepy", "import time\nopen('started', 'w').close()\ntime.sleep(3)\n"
                   "run.record('currency', run.study.currency)")  # fmt: skip
    running = start("run", "tiny", "--jobs", "1")
    running.kernel()
    study = loaded / "studies" / "tiny.yaml"
    study.write_text(study.read_text().replace("USD", "EUR"), encoding="utf-8")
    notebook.write_text(notebook.read_text().replace("seed: int = 0", "seed: int = 99"), encoding="utf-8")
    assert running.end().code == 0
    report = loaded / "reports" / "tiny" / "latest"
    assert "USD" in (report / "study.yaml").read_text()
    numbers = json.loads((report / "results" / "sleepy.json").read_text())["numbers"]
    assert numbers["currency"]["value"] == "USD"
    assert json.loads((report / "results" / "numbers.json").read_text())["numbers"]["seed"]["value"] == 0
    assert crm("run", "tiny").code == 0
    assert (
        json.loads((report / "results" / "sleepy.json").read_text())["numbers"]["currency"]["value"] == "EUR"
    )
    outcome(
        "study and notebook edited during the run", 1, "the run keeps what it began with; the next sees it"
    )


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_log_that_cannot_be_written(loaded, start, outcome, log_format: str) -> None:
    write_numbers(loaded)
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    running = start("run", "tiny", "--log-format", log_format, output=full)
    running.process.join(120)
    assert running.process.exitcode == 0
    assert whole_seed(loaded) == 0
    outcome(f"no room for the log ({log_format})", 1, "exit 0, published all the same")
