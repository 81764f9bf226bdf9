"""What a notebook can do to its run: raise, hang, exhaust the memory, die, start something that stays."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter

import psutil
import pytest
from conftest import newest_run, visible, whole_seed
from faults_project import KERNEL_KILLS, write_numbers
from notebook_maker import write_notebook

OUT_OF_MEMORY = """
import resource
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000, used + 50_000_000))
ballast = bytearray(10 * 50_000_000)
"""
FAULTS = {
    "raises": ("1 / 0", "01_raises.ipynb, cell [4]: ZeroDivisionError: division by zero."),
    "hangs": (
        "import time\ntime.sleep(600)",
        "cell [4]: took longer than 15 seconds and was stopped; --cell",
    ),
    "memory": (OUT_OF_MEMORY, "03_memory.ipynb, cell [4]: MemoryError."),
    "exits": (
        "import os\nos._exit(0)",
        "04_exits.ipynb, cell [4]: its kernel ended with exit code 0: the notebook",
    ),
    "killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "05_killed.ipynb, cell [4]: its kernel died: out of memory (--jobs 1 leaves it more), or killed",
    ),
    "sentence": ("run.record('Bad', 1)", "06_sentence.ipynb, cell [4]: 'Bad' is no result's name: small"),
}


def test_each_way_to_fail_is_named_and_the_others_go_on(loaded, start, crm, outcome) -> None:
    write_numbers(loaded, 9)
    assert crm("run", "tiny").code == 0
    before = visible(loaded)
    for number, (name, (cell, _)) in enumerate(FAULTS.items(), start=1):
        write_notebook(loaded, number, name, cell)
    ended = crm("run", "tiny", "--cell-timeout", "15")
    assert ended.code == 5, ended.said
    assert "Nothing was published; the failed run is in reports/tiny/.runs/" in ended.said
    folder, manifest = newest_run(loaded)
    assert manifest["status"] == "failed"
    entries = {entry["name"]: entry for entry in manifest["notebooks"]}
    for name, (_, said) in FAULTS.items():
        assert entries[name]["status"] == "failed"
        assert said in entries[name]["reason"]
        assert said.split(":")[-1].strip() in ended.said
        assert (folder / f"{name}.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert entries["numbers"]["status"] == "passed"
    assert "failed" in (folder / "index.html").read_text(encoding="utf-8")
    assert visible(loaded) == before
    for path in (loaded / "notebooks").glob("0[1-6]*"):
        path.unlink()
    ended = crm("run", "tiny", "--resume")
    assert ended.code == 0, ended.said
    for name, (_, said) in FAULTS.items():
        outcome(f"a notebook: {name}", 1, f"exit 5, “{said}…”; old report whole; next run published")


def test_kernels_killed_at_random_moments(loaded, start, crm, outcome) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    begun = time.monotonic()
    assert crm("run", "tiny").code == 0
    length, rng, last, came, seed, hit = time.monotonic() - begun, random.Random(1), 0, Counter(), 0, 0
    while hit < KERNEL_KILLS:
        seed += 1
        running = start("run", "tiny", "--set", f"numbers.seed={seed}")
        kernel = running.kernel()
        time.sleep(rng.uniform(0, length * 0.7))
        try:
            os.kill(kernel.pid, 9)
            hit += 1
        except ProcessLookupError:  # no try: the machine has become faster since
            length *= 0.9
        ended = running.end()
        if ended.code == 5:
            assert "01_numbers.ipynb" in ended.said
            assert "its kernel died" in ended.said, ended.said
            assert whole_seed(loaded) == last
            came["failed, old report whole"] += 1
            ended = crm("run", "tiny", "--resume", "--set", f"numbers.seed={seed}")
        else:
            came["passed all the same"] += 1
        assert ended.code == 0, ended.said
        last = whole_seed(loaded)
        assert last == seed
    summary = ", ".join(f"{n} {what}" for what, n in sorted(came.items()))
    outcome("SIGKILL of a kernel at a random moment", KERNEL_KILLS, f"{summary}; each next run published")


def test_a_stopped_run_takes_what_its_kernels_started_with_it(loaded, start, outcome) -> None:
    cell = 'import subprocess\nchild = subprocess.Popen(["sleep", "600"])\nprint(child.pid, flush=True)\n'
    write_notebook(loaded, 1, "numbers", cell + 'open("child", "w").write(str(child.pid))\nchild.wait()')
    running = start("run", "tiny", "--run-timeout", "12")
    ended = running.end()
    assert ended.code == 5
    assert "The run took longer than 12 seconds and was stopped; --run-timeout gives it more." in ended.said
    pid = int((loaded / "child").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    folder, manifest = newest_run(loaded)
    assert manifest["notebooks"][0]["status"] == "failed"
    assert (folder / "index.html").is_file()
    outcome("run over time", 1, "exit 5, one sentence; kernels and what they started are gone")


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit")
def test_too_few_files_may_be_open(loaded, outcome) -> None:
    """A hard limit is said before anything starts; a soft one is raised."""
    write_numbers(loaded)
    for limit in ("-n 40", "-Sn 40"):
        command = f'ulimit {limit}; exec "$0" -m crm_utils.command.cli run tiny'
        ended = subprocess.run(
            ["bash", "-c", command, sys.executable], cwd=loaded, capture_output=True, text=True, timeout=120
        )
        said = " ".join((ended.stdout + ended.stderr).split())
        assert "memory" not in said
        assert "Traceback" not in said
        if limit == "-n 40":
            assert ended.returncode == 5, said
            assert "Error: Only 40 files may be open at a time, and a run needs 96. Nothing was" in said
            assert not (loaded / "reports" / "tiny" / "latest").exists()
    assert ended.returncode == 0, said
    outcome("40 open files at most", 2, "hard: exit 5, says which limit to raise; soft: raised, published")


LEAVES = """
import subprocess, sys
sleeps = "import time; time.sleep(600)"
child = subprocess.Popen([sys.executable, "-S", "-c", sleeps])
away = subprocess.Popen([sys.executable, "-S", "-c", sleeps], start_new_session=True)
open("children", "w").write(f"{child.pid} {away.pid}")
print("x" * 3_000_000)
"""


def test_a_run_that_passed_leaves_no_process_and_no_endless_page(loaded, crm, outcome) -> None:
    write_notebook(loaded, 1, "leaves", LEAVES)
    ended = crm("run", "tiny")
    assert ended.code == 0, ended.said
    for pid in map(int, (loaded / "children").read_text().split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    outcome(
        "processes that a passed notebook leaves", 2, "gone with the run, one in a session of its own too"
    )
    page = loaded / "reports" / "tiny" / "latest" / "leaves.html"
    assert page.stat().st_size < 1_500_000
    assert "[Cut: 2,000,001 more characters. A cell may print 1,000,000.]" in page.read_text("utf-8")
    outcome("a cell that prints without end", 1, "cut at a million characters, the cut is said")
    before = visible(loaded)
    (loaded / "notebooks" / "01_leaves.ipynb").unlink()
    ended = crm("run", "tiny")
    assert ended.code == 5
    assert "Error: No notebook passed, so nothing was published and the last report stays." in ended.said
    assert visible(loaded) == before
    outcome("a run without a notebook", 1, "exit 5, the last report stays")
