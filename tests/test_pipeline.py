from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from notebook_maker import write_notebook
from tiny import TINY

from crm_utils.errors import LockedError, RunError, StudyError
from crm_utils.pipeline import Request, make_plan, run_study

COUNT = 'orders = run.table("orders")\nrun.record("orders", orders.count().execute(), unit="orders")'
SEGMENTS = 'run.save("segments", run.table("customers").select("customer_id", "age"))'
OFFERS = """
segments = run.load("segments")
run.save("offers", segments)
run.finding(f"{segments.count().execute()} offers")
"""

pytestmark = pytest.mark.slow


def crm(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    command = [sys.executable, "-m", "crm_utils.cli", *arguments]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, env=os.environ | environment, timeout=120
    )


def published(root: Path) -> dict[str, bytes]:
    """Everything that a reader of the reports and the snapshots can see."""
    found = {}
    for path in sorted([*(root / "reports").rglob("*"), *(root / "data").rglob("*")]):
        if path.is_file() and ".runs" not in path.parts and not path.name.startswith("."):
            found[str(path.relative_to(root))] = path.read_bytes()
    return found


def test_a_run_is_published_whole(project: Path) -> None:
    write_notebook(project, 1, "data_collection", COUNT)
    write_notebook(project, 3, "segmentation", SEGMENTS, parameters="seed: int = 1\n")
    write_notebook(project, 2, "offers", OFFERS)  # numbered before what it builds on: the tables decide
    told: list[str] = []
    request = Request("tiny", parameters={"segmentation": {"seed": 7}})
    report = run_study(project, request, tell=lambda notebook, execution: told.append(notebook.name))
    assert report == project / "reports" / "tiny" / "2017-12-31"
    assert (project / "reports" / "tiny" / "latest").resolve() == report.resolve()
    assert (project / "reports" / "index.html").is_file()
    names = {p.name for p in report.iterdir()}
    assert {
        "index.html",
        "offers.html",
        "offers.ipynb",
        "run.json",
        "study.yaml",
        "tables",
        "results",
    } <= names
    assert told.index("segmentation") < told.index("offers")
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert (manifest["status"], manifest["published"]) == ("passed", True)
    assert {n["name"]: n["status"] for n in manifest["notebooks"]} == dict.fromkeys(told, "passed")
    assert manifest["notebooks"][2]["parameters"] == {"seed": 7}
    executed = (report / "segmentation.ipynb").read_text(encoding="utf-8")
    assert "seed = 7" in executed
    assert str(project) not in executed
    assert str(project) not in (report / "index.html").read_text(encoding="utf-8")


def test_running_twice_gives_the_same_tables_and_results_whatever_the_jobs(project: Path) -> None:
    write_notebook(project, 1, "data_collection", COUNT)
    write_notebook(project, 2, "segmentation", SEGMENTS)
    found = []
    for jobs in (1, 2):
        report = run_study(project, Request("tiny", jobs=jobs))
        files = [*(report / "tables").iterdir(), *(report / "results").iterdir()]
        found.append({p.name: p.read_bytes() for p in files})
    assert found[0] == found[1]
    assert set(found[0]) == {"segments.parquet", "segments.csv", "data_collection.json", "segmentation.json"}


def test_a_failure_is_named_and_the_last_report_stays(project: Path) -> None:
    write_notebook(project, 1, "data_collection", COUNT)
    segmentation = write_notebook(project, 2, "segmentation", SEGMENTS)
    write_notebook(project, 3, "offers", OFFERS)
    run_study(project, Request("tiny"))
    before = published(project)
    segmentation.unlink()
    write_notebook(project, 2, "segmentation", SEGMENTS, 'raise ValueError("no such <b>thing</b>")')
    ended = crm(project, "run", "tiny")
    assert ended.returncode == RunError.exit_code
    said = " ".join(ended.stderr.split())
    assert "Error: 02_segmentation.ipynb, cell [5]: ValueError: no such <b>thing</b>" in said
    assert "Nothing was published; the failed run is in reports/tiny/.runs/" in said
    assert "Traceback" not in ended.stderr
    assert "not run" not in ended.stderr
    assert published(project) == before
    failed = max((project / "reports" / "tiny" / ".runs").iterdir())
    manifest = json.loads((failed / "run.json").read_text(encoding="utf-8"))
    assert [n["status"] for n in manifest["notebooks"]] == ["passed", "failed", "not run"]
    assert manifest["notebooks"][2]["reason"] == "builds on segmentation, which failed"
    page = (failed / "segmentation.html").read_text(encoding="utf-8")
    assert "no such &lt;b&gt;thing" in page
    assert (failed / "index.html").is_file()


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "its kernel died"),
        ("import os\nos._exit(3)", "its kernel died"),
        ("import time\ntime.sleep(60)", "a cell took longer than 3 seconds and was stopped"),
    ],
)
def test_a_kernel_that_dies_or_hangs_fails_its_notebook(project: Path, cell: str, said: str) -> None:
    write_notebook(project, 1, "segmentation", cell)
    with pytest.raises(RunError, match=said):
        run_study(project, Request("tiny", cell_timeout=3))
    assert not (project / "reports" / "tiny" / "latest").exists()


def test_a_run_over_its_time_is_stopped(project: Path) -> None:
    write_notebook(project, 1, "segmentation", "import time\ntime.sleep(60)")
    started = time.monotonic()
    with pytest.raises(RunError, match="The run took longer than 4 seconds and was stopped"):
        run_study(project, Request("tiny", run_timeout=4))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_in_order(project: Path, number: signal.Signals) -> None:
    write_notebook(project, 1, "segmentation", "open('started', 'w').close()\nimport time\ntime.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-m", "crm_utils.cli", "run", "tiny"], cwd=project, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (project / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    other = crm(project, "run", "tiny")
    assert other.returncode == LockedError.exit_code
    assert f"Another run of 'tiny' is at work (process {process.pid}, for" in " ".join(other.stderr.split())
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert f"Stopped by {number.name}. Nothing was published." in said
    failed = max((project / "reports" / "tiny" / ".runs").iterdir())
    assert json.loads((failed / "run.json").read_text(encoding="utf-8"))["status"] == "failed"


def test_a_notebook_whose_tables_are_missing_is_skipped_with_those_that_build_on_it(project: Path) -> None:
    write_notebook(project, 1, "data_collection", COUNT)
    write_notebook(project, 2, "voice", 'run.save("topics", run.table("feedback"))')
    write_notebook(project, 3, "offers", 'run.load("topics")')
    plan = make_plan(project, Request("tiny"))
    assert plan.skipped == {
        "voice": "needs feedback, which this study does not have",
        "offers": "builds on voice, which was skipped",
    }
    report = run_study(project, Request("tiny"))
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert [n["status"] for n in manifest["notebooks"]] == ["passed", "skipped", "skipped"]


def test_only_runs_what_is_named_on_the_days_report_and_is_not_published(project: Path) -> None:
    write_notebook(project, 2, "segmentation", SEGMENTS)
    write_notebook(project, 3, "offers", OFFERS)
    with pytest.raises(RunError, match="No table 'segments' for tiny as of 2017-12-31 yet"):
        run_study(project, Request("tiny", only=("offers",)))
    report = run_study(project, Request("tiny"))
    before = published(project)
    folder = run_study(project, Request("tiny", only=("offers",)))
    assert folder.parent.name == ".runs"
    assert folder.resolve() != report.resolve()
    assert (folder / "tables" / "offers.parquet").is_file()
    assert published(project) == before


@pytest.mark.parametrize(
    ("arguments", "study", "code", "said"),
    [
        (["tinny"], TINY, 2, "No study 'tinny'. Did you mean 'tiny'? There are: tiny."),
        (["tiny", "--as-of", "2017-02-30"], TINY, 2, "as_of '2017-02-30' is not a day"),
        (["tiny", "--as-of", "2016-01-01"], TINY, 2, "before the data begin. 'tiny' has orders from 2017-"),
        (["tiny", "--as-of", "2018-01-01"], TINY, 2, "as_of 2018-01-01 is after the data end"),
        (["tiny", "--only", "offer"], TINY, 2, "No notebook 'offer'. Did you mean 'offers'?"),
        (["tiny", "--set", "offers.topk=3"], TINY, 2, "no parameter 'topk'. Did you mean 'top_k'?"),
        (["tiny", "--set", "offers.top_k=many"], TINY, 2, "parameter top_k takes int"),
        (["tiny", "--set", "offers.top_k"], TINY, 2, "write it as NOTEBOOK.NAME=VALUE"),
        (["tiny", "--set", "offers.a;import os=1"], TINY, 2, "offers has no parameter 'a;import os'"),
        (["tiny"], TINY.replace("currency", "curency"), 2, "line 4: a study has no 'curency'. Did you mean"),
        (["tiny"], TINY + "notebooks: {offers: {topk: 3}}\n", 2, "no parameter 'topk'"),
        (["tiny"], TINY + "notebooks: {ofers: {}}\n", 2, "No notebook 'ofers'. Did you mean 'offers'?"),
        (["tiny"], TINY.replace("folder: raw", "folder: rwa"), 3, "transactions.parquet is missing in rwa."),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_nothing_is_written(
    project: Path, arguments: list[str], study: str, code: int, said: str
) -> None:
    write_notebook(project, 3, "offers", COUNT, parameters="top_k: int = 3  # offers a customer\n")
    (project / "studies" / "tiny.yaml").write_text(study, encoding="utf-8")
    ended = crm(project, "run", *arguments, COLUMNS="80")
    assert ended.returncode == code, ended.stderr
    assert said in " ".join(ended.stderr.split())
    assert ended.stderr.count("\n") == 1
    assert not list(project.rglob("*.html"))
    assert not list(project.rglob("run.json"))


def test_notebooks_that_cannot_be_ordered_are_refused(project: Path) -> None:
    write_notebook(project, 1, "a", 'run.load("y")\nrun.save("x", 1)')
    write_notebook(project, 2, "b", 'run.load("x")\nrun.save("y", 1)')
    with pytest.raises(StudyError, match="Notebooks wait for each other"):
        make_plan(project, Request("tiny"))
    write_notebook(project, 2, "b", 'run.load("z")\nrun.save("y", 1)')
    with pytest.raises(StudyError, match="02_b.ipynb loads 'z', which no notebook saves"):
        make_plan(project, Request("tiny"))


def test_load_data_and_check_say_what_is_there(project: Path) -> None:
    write_notebook(project, 1, "data_collection", COUNT)
    write_notebook(project, 2, "voice", 'run.table("feedback")')
    loaded = crm(project, "load-data", "tiny")
    assert loaded.returncode == 0
    assert loaded.stdout.startswith("Loaded snapshot ")
    assert crm(project, "load-data", "tiny").stdout.startswith("Already there: snapshot ")
    checked = crm(project, "check", "tiny").stdout
    assert "01_data_collection       would run" in checked
    assert "02_voice                 skipped: needs feedback" in checked
