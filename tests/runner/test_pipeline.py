"""A run as a whole: its order, what it publishes, what it refuses; what goes wrong is in tests/faults."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_maker import write_notebook
from tiny import TINY
from typer.testing import CliRunner, Result

from crm_utils.command.cli import app
from crm_utils.errors import RunError, StudyError
from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request, make_plan

COUNT = 'orders = run.table("orders")\nrun.record("orders", orders.count().execute(), unit="orders")'
SEGMENTS = 'run.save("segments", run.table("customers").select("customer_id", "age"))'
OFFERS = """
segments = run.load("segments")
run.save("offers", segments)
run.finding(f"{segments.count().execute()} offers")
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def crm(loaded: Path, monkeypatch: pytest.MonkeyPatch):
    """The command, in this process."""
    monkeypatch.chdir(loaded)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})

    return call


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, tiny_raw: Path, tiny_data: Path) -> Path:
    """A project with a published report of three notebooks; not to be changed."""
    root = tmp_path_factory.mktemp("reported")
    (root / "studies").mkdir()
    (root / "notebooks").mkdir()
    (root / "studies" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (root / "raw").symlink_to(tiny_raw, target_is_directory=True)
    shutil.copytree(tiny_data, root / "data")
    write_notebook(root, 1, "data_collection", COUNT)
    write_notebook(root, 3, "segmentation", SEGMENTS, parameters="seed: int = 1\n")
    write_notebook(root, 2, "offers", OFFERS)  # numbered before what it builds on: the tables decide
    events: list[dict] = []
    request = Request("tiny", parameters={"segmentation": {"seed": 7}})
    run_study(root, request, tell=lambda event, facts: events.append({"event": event} | facts))
    (root / "told.json").write_text(json.dumps(events), encoding="utf-8")
    return root


@pytest.fixture
def report(reported: Path, tmp_path: Path) -> Path:
    """A copy of that project, to run on."""
    root = tmp_path / "again"
    shutil.copytree(reported, root, symlinks=True)
    return root


def published(root: Path) -> dict[str, bytes]:
    """Everything that a reader of the reports and the snapshots can see."""
    contents = {}
    for folder in (root / "reports", root / "data"):
        for path in sorted(Path(p) / f for p, _, files in os.walk(folder, followlinks=True) for f in files):
            if ".runs" not in path.parts and not path.name.startswith("."):
                contents[str(path.relative_to(root))] = path.read_bytes()
    return contents


def test_a_run_is_published_whole(reported: Path) -> None:
    report = reported / "reports" / "tiny" / "2017-12-31"
    assert (reported / "reports" / "tiny" / "latest").resolve() == report.resolve()
    assert (reported / "reports" / "index.html").is_file()
    made = {"index.html", "offers.html", "offers.ipynb", "run.json", "study.yaml", "tables", "results"}
    assert made <= {p.name for p in report.iterdir()}
    events = json.loads((reported / "told.json").read_text(encoding="utf-8"))
    ends = [t["event"] for t in events if t["event"] != "progress"]
    assert ends == ["started", "notebook", "notebook", "notebook", "published"]
    looks = [look for t in events if t["event"] == "progress" for look in t["notebooks"].items()]
    for notebook in {name for name, _cells in looks}:
        begun = [cells[0] for name, cells in looks if name == notebook]
        assert begun == sorted(begun)
        # Three cells of code as written; papermill adds the parameters.
        assert {cells[1] for name, cells in looks if name == notebook} <= {3, 4}
    names = [t["name"] for t in events if t["event"] == "notebook"]
    assert names.index("segmentation") < names.index("offers")
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert (manifest["status"], manifest["published"]) == ("passed", True)
    assert {n["name"]: n["status"] for n in manifest["notebooks"]} == dict.fromkeys(names, "passed")
    assert manifest["notebooks"][2]["parameters"] == {"seed": 7}
    assert 0 < sum(manifest["durations"].values()) <= manifest["seconds"] + 0.01
    # Pages written while others were at work lead to those as well.
    pages = {"data_collection.html", "offers.html", "segmentation.html", "glossary.html"}
    assert links(report) == dict.fromkeys(pages, pages)
    assert "Do today" in (report / "summary.txt").read_text(encoding="utf-8")
    executed = (report / "segmentation.ipynb").read_text(encoding="utf-8")
    assert "seed = 7" in executed
    assert str(reported) not in executed
    assert str(reported) not in (report / "index.html").read_text(encoding="utf-8")


def test_a_kernel_gets_the_environment_but_for_what_is_not_for_it(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "k" * 32)
    monkeypatch.setenv("PRICE", "$$5 of $HOME {prefix}")  # jupyter_client would fill these in
    write_notebook(
        loaded,
        1,
        "told",
        'import os, sys\nrun.record("key", os.environ.get("CRM_PSEUDONYM_KEY"))\n'
        'run.record("price", os.environ["PRICE"])\nrun.record("seed", os.environ["PYTHONHASHSEED"])\n'
        'run.record("compiles", not sys.dont_write_bytecode)',
    )
    folder = run_study(loaded, Request("tiny", only=("told",)))
    numbers = json.loads((folder / "results" / "told.json").read_text(encoding="utf-8"))["numbers"]
    assert {name: number["value"] for name, number in numbers.items()} == {
        "key": None, "price": "$$5 of $HOME {prefix}", "seed": "0", "compiles": True,
    }  # fmt: skip


def test_kernels_keep_to_the_memory_and_threads_that_somebody_set(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = 'import os\nrun.record("memory", os.environ["CRM_MEMORY"])'
    write_notebook(loaded, 1, "share", f'{code}\nrun.record("threads", os.environ["CRM_THREADS"])')

    def shares() -> dict[str, str]:
        folder = run_study(loaded, Request("tiny", only=("share",)))
        numbers = json.loads((folder / "results" / "share.json").read_text(encoding="utf-8"))["numbers"]
        return {name: number["value"] for name, number in numbers.items()}

    alone = shares()
    assert int(alone["memory"].removesuffix("MB")) > 0
    monkeypatch.setenv("CRM_MEMORY", "345MB")
    monkeypatch.setenv("CRM_THREADS", "1")
    assert shares() == {"memory": "345MB", "threads": "1"}


def test_a_deep_folder_for_temporary_files_is_no_obstacle(
    loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local socket's path holds about a hundred characters."""
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr("tempfile.tempdir", None)
    write_notebook(loaded, 1, "counts", COUNT)
    assert (run_study(loaded, Request("tiny", jobs=1)) / "counts.html").is_file()


def test_a_failure_is_named_and_the_last_report_stays(report: Path) -> None:
    before = published(report)
    write_notebook(report, 3, "segmentation", SEGMENTS, 'raise ValueError("no such <b>thing</b>")')
    # The real command, in a process of its own.
    command = [sys.executable, "-m", "crm_utils.command.cli", "run", "tiny"]
    ended = subprocess.run(command, cwd=report, capture_output=True, text=True, timeout=120)
    assert ended.returncode == RunError.exit_code
    said = " ".join(ended.stderr.split())
    assert "Error: 03_segmentation.ipynb, cell [5]: ValueError: no such <b>thing</b>." in said
    assert "Nothing was published; the failed run is in reports/tiny/.runs/" in said
    assert "Traceback" not in ended.stderr
    assert published(report) == before
    failed = max((report / "reports" / "tiny" / ".runs").iterdir())
    manifest = json.loads((failed / "run.json").read_text(encoding="utf-8"))
    assert [n["status"] for n in manifest["notebooks"]] == ["passed", "not run", "failed"]
    assert manifest["notebooks"][1]["reason"] == "builds on segmentation, which failed"
    page = (failed / "segmentation.html").read_text(encoding="utf-8")
    assert "no such &lt;b&gt;thing" in page
    assert (failed / "index.html").is_file()
    pages = {"data_collection.html", "segmentation.html", "glossary.html"}
    assert links(failed) == dict.fromkeys(pages, pages)


def links(folder: Path) -> dict[str, set[str]]:
    """To which other pages of its run each page leads."""
    pages = {p.name: p.read_text(encoding="utf-8") for p in folder.glob("*.html") if p.name != "index.html"}
    return {
        name: set(re.findall(r'href="(\w+\.html)"', page)) - {"index.html"} for name, page in pages.items()
    }


def test_a_notebook_whose_tables_are_missing_is_skipped_with_those_that_build_on_it(loaded: Path) -> None:
    write_notebook(loaded, 1, "data_collection", COUNT)
    write_notebook(loaded, 2, "voice", 'run.save("topics", run.table("feedback"))')
    write_notebook(loaded, 3, "offers", 'run.load("topics")')
    plan = make_plan(loaded, Request("tiny"))
    assert plan.skipped == {
        "voice": "needs feedback, which this study does not have",
        "offers": "builds on voice, which was skipped",
    }
    report = run_study(loaded, Request("tiny"))
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert [n["status"] for n in manifest["notebooks"]] == ["passed", "skipped", "skipped"]


def test_only_needs_what_others_saved_for_that_day(loaded: Path) -> None:
    write_notebook(loaded, 2, "segmentation", SEGMENTS)
    write_notebook(loaded, 3, "offers", OFFERS)
    with pytest.raises(RunError, match="No table 'segments' for tiny as of 2017-12-31 yet"):
        run_study(loaded, Request("tiny", only=("offers",)))


def test_only_runs_what_is_named_and_is_not_published(report: Path) -> None:
    before = published(report)
    folder = run_study(report, Request("tiny", only=("offers",)))
    assert folder.parent.name == ".runs"
    assert (folder / "tables" / "offers.parquet").is_file()
    assert not (folder / "segmentation.ipynb").exists()
    assert published(report) == before


def test_an_error_that_goes_on_for_ever_is_cut_short(loaded: Path) -> None:
    write_notebook(loaded, 1, "wordy", 'raise ValueError("x" * 300_000)')
    with pytest.raises(RunError, match=r"ValueError: x{1000}…\. Nothing was published"):
        run_study(loaded, Request("tiny"))


def test_a_run_that_was_killed_before_its_link_is_not_called_published(report: Path) -> None:
    runs = report / "reports" / "tiny" / ".runs"
    real = next(runs.iterdir())
    killed = runs / "20990101T000000-abcdef"  # passed, its record written, its link never made
    shutil.copytree(real, killed)
    manifest = json.loads((killed / "run.json").read_text(encoding="utf-8"))
    (killed / "run.json").write_text(json.dumps(manifest | {"run_id": killed.name}), encoding="utf-8")
    run_study(report, Request("tiny", only=("offers",)))
    said = [json.loads((run / "run.json").read_text(encoding="utf-8")) for run in (real, killed)]
    assert [(m["status"], m["published"]) for m in said] == [("passed", True), ("passed", False)]


def test_a_snapshot_that_is_damaged_meanwhile_does_not_fail_a_published_run(loaded: Path) -> None:
    (loaded / "reports" / "tiny" / "2017-12-31 copy").mkdir(parents=True)
    (loaded / "reports" / "tiny" / "2017-12-31 copy" / "run.json").write_text("{}")
    write_notebook(loaded, 1, "careless", 'open(run.snapshot.path("products"), "w").close()')
    events: list[tuple[str, dict]] = []
    report = run_study(loaded, Request("tiny"), tell=lambda *event: events.append(event))
    assert (report / "index.html").is_file()
    assert "2017-12-31" in (loaded / "reports" / "index.html").read_text(encoding="utf-8")
    assert events[-1][0] == "published", "tidying up does not open what is damaged"


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
        (["tiny"], TINY.replace("folder: raw", "folder: rwa"), 3, "There is no folder 'rwa'. Make it"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_nothing_is_written(
    crm, loaded: Path, arguments: list[str], study: str, code: int, said: str
) -> None:
    write_notebook(loaded, 3, "offers", COUNT, parameters="top_k: int = 3  # offers a customer\n")
    (loaded / "studies" / "tiny.yaml").write_text(study, encoding="utf-8")
    ended = crm("run", *arguments)
    assert ended.exit_code == code, ended.output
    assert said in " ".join(ended.stderr.split())
    assert ended.stderr.count("\n") == 1
    assert not list(loaded.rglob("*.html"))
    assert not list(loaded.rglob("run.json"))


def test_notebooks_that_cannot_be_ordered_are_refused(loaded: Path) -> None:
    write_notebook(loaded, 1, "a", 'run.load("y")\nrun.save("x", 1)')
    write_notebook(loaded, 2, "b", 'run.load("x")\nrun.save("y", 1)')
    with pytest.raises(StudyError, match="Notebooks wait for each other"):
        make_plan(loaded, Request("tiny"))
    write_notebook(loaded, 2, "b", 'run.load("z")\nrun.save("y", 1)')
    with pytest.raises(StudyError, match="02_b.ipynb loads 'z', which no notebook saves"):
        make_plan(loaded, Request("tiny"))
    # What it can do without may be missing: somebody took that notebook away.
    write_notebook(loaded, 2, "b", 'run.load("z", required=False)\nrun.save("y", 1)')
    make_plan(loaded, Request("tiny"))


@pytest.mark.parametrize("call", ['run.table("order_line")', 'run.table("order_line", required=False)'])
def test_a_table_that_cannot_be_is_refused_instead_of_skipping_its_notebook(crm, loaded: Path, call) -> None:
    write_notebook(loaded, 1, "a", call)
    for command in ("run", "check"):
        ended = crm(command, "tiny")
        assert ended.exit_code == 2
        said = "01_a.ipynb reads 'order_line', which is no canonical table. Did you mean 'order_lines'?"
        assert said in " ".join(ended.stderr.split())


def test_load_data_and_check_say_what_is_there(crm, loaded: Path) -> None:
    write_notebook(loaded, 1, "data_collection", COUNT)
    write_notebook(loaded, 2, "voice", 'run.table("feedback")')
    shutil.rmtree(loaded / "data")
    assert crm("load-data", "tiny").stdout.startswith("Loaded snapshot ")
    assert crm("load-data", "tiny").stdout.startswith("Already there: snapshot ")
    checked = crm("check", "tiny").stdout
    assert "01_data_collection       would run" in checked
    assert "02_voice                 skipped: needs feedback" in checked


def test_the_command_starts_without_pandas_and_papermill() -> None:
    heavy = "{'pandas', 'ibis', 'papermill', 'nbconvert'}"
    code = f"import sys, crm_utils.command.cli; print({heavy} & sys.modules.keys())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"


def test_a_run_does_not_compile_the_grammar_that_nobody_needs() -> None:
    code = (
        "import sys, crm_utils.runner.pipeline; print({'rfc3987_syntax', 'papermill'} & sys.modules.keys())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "{'papermill'}"


NO = 'from crm_utils.features import Cannot\nrun.cannot(Cannot("no_customers") if {never} else None)'


def test_what_cannot_be_said_is_said_and_the_rest_is_published(crm, loaded: Path) -> None:
    write_notebook(loaded, 1, "counted", COUNT)
    write_notebook(loaded, 2, "grouped", SEGMENTS, NO.format(never=True), "1 / 0")
    write_notebook(loaded, 3, "offered", OFFERS)
    write_notebook(loaded, 4, "paired", 'run.load("offers", required=False)\nrun.record("pairs", 1)')
    result = crm("run", "tiny")
    assert result.exit_code == 0, result.output
    latest = loaded / "reports" / "tiny" / "latest"
    by_name = {n["name"]: n for n in json.loads((latest / "run.json").read_text())["notebooks"]}
    assert {k: n["status"] for k, n in by_name.items()} == {
        "counted": "passed", "grouped": "cannot", "offered": "cannot", "paired": "passed"
    }  # fmt: skip
    assert by_name["grouped"]["reason"].startswith("No order has a customer. Map a column")
    assert by_name["offered"]["reason"] == by_name["grouped"]["reason"]
    page = (latest / "grouped.html").read_text()
    assert "Not for these data" in page
    assert "No order has a customer." in page
    assert "CannotSay" not in page
    assert "1 / 0" not in page


def test_a_run_in_which_nothing_passed_replaces_no_report(crm, loaded: Path) -> None:
    path = write_notebook(loaded, 1, "counted", COUNT)
    assert crm("run", "tiny").exit_code == 0
    before = (loaded / "reports" / "tiny" / "latest").resolve()
    write_notebook(loaded, 1, "counted", NO.format(never=True))
    result = crm("run", "tiny")
    assert result.exit_code == 5
    assert "No notebook passed, so nothing was published and the last report stays." in " ".join(
        result.output.split()
    )
    path.unlink()
    result = crm("run", "tiny")
    assert result.exit_code == 5
    assert "There is no notebook in notebooks/." in " ".join(result.output.split())
    assert (loaded / "reports" / "tiny" / "latest").resolve() == before


def test_a_study_leaves_a_notebook_out(crm, loaded: Path) -> None:
    write_notebook(loaded, 1, "counted", COUNT)
    write_notebook(loaded, 2, "grouped", SEGMENTS)
    study = loaded / "studies" / "tiny.yaml"
    study.write_text(study.read_text() + "notebooks: {grouped: off}\n")
    assert crm("run", "tiny").exit_code == 0
    notebooks = json.loads((loaded / "reports" / "tiny" / "latest" / "run.json").read_text())["notebooks"]
    assert [(n["name"], n["status"], n["reason"]) for n in notebooks] == [
        ("counted", "passed", ""), ("grouped", "skipped", "left out by the study")
    ]  # fmt: skip
