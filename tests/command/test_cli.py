"""What people and schedulers see of ``crm``: days, logs, the word at the end."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from notebook_maker import write_notebook
from rich.console import Console
from typer.testing import CliRunner, Result

from crm_utils.command.cli import app
from crm_utils.command.logs import Log, LogFormat
from crm_utils.command.on_end import Hook, _words
from crm_utils.errors import LockedError
from crm_utils.tools.lock import locked

TOLD = """\
import json, os, sys
with open("told.jsonl", "a") as file:
    file.write(json.dumps([os.environ["CRM_EXIT_CODE"], os.environ["CRM_MESSAGE"], *sys.argv[1:]]) + "\\n")
"""


@pytest.fixture
def crm(loaded: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(loaded)
    (loaded / "tell me.py").write_text(TOLD)

    def call(*arguments: str) -> Result:
        hook = f"'{sys.executable}' 'tell me.py' '$HOME; id'"  # no shell: nothing in it is expanded
        return CliRunner().invoke(app, ["run", "tiny", *arguments, "--on-end", hook], env={"COLUMNS": "99"})

    return call


def hook_calls(root: Path) -> list[list[str]]:
    return [json.loads(line) for line in (root / "told.jsonl").read_text().splitlines()]


#: What every manifest says.
PLAIN = {"schema_version": 1, "study": "tiny", "status": "passed", "notebooks": [], "snapshot": {}}


def test_list_and_open_say_what_is_there_and_where(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(loaded)

    def crm(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    assert "no report yet" in crm("list").stdout
    assert crm("open", "tiny").exit_code == 2
    home = loaded / "reports" / "tiny"
    for day in ("2017-09-30", "2017-12-31"):
        (home / day / "results").mkdir(parents=True)
        (home / day / "run.json").write_text(json.dumps(PLAIN | {"run_id": day, "as_of": day}))
    table = {"rows": 1810, "columns": [], "files": [], "purpose": "Whom to remind."}
    recorded = json.dumps({"tables": {"late": table}})
    (home / "2017-12-31" / "results" / "churn.json").write_text(recorded)
    said = crm("list")
    assert "reports to 2017-12-31, 2017-09-30" in said.stdout
    assert re.search(r"late +1,810 rows +Whom to remind\.", crm("list", "tiny").stdout)
    opened = crm("open", "tiny", "2017-09-30")
    assert opened.exit_code == 0
    assert Path(opened.stdout.strip()) == loaded.resolve() / "reports" / "tiny" / "2017-09-30" / "index.html"
    assert crm("list", "tin").exit_code == 2


@pytest.mark.slow
def test_a_backfill_goes_on_after_a_day_that_failed_and_says_so(crm, loaded: Path) -> None:
    write_notebook(loaded, 1, "moody", 'assert str(run.as_of) != "2017-10-31", "not on Halloween"')
    ended = crm("--from", "2017-09-30", "--to", "2017-11-30", "--log-format", "json")
    assert ended.exit_code == 5
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    good = ["started", "notebook", "published"]
    assert [line["event"] for line in lines] == [*good, "started", "notebook", *good]
    assert {line["as_of"] for line in lines if line["event"] == "started"} == {
        "2017-09-30", "2017-10-31", "2017-11-30",
    }  # fmt: skip
    errors = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [error["code"] for error in errors] == [5, 5]
    assert "01_moody.ipynb, cell [4]: AssertionError: not on Halloween." in errors[0]["message"]
    assert errors[1]["message"].startswith("1 of 3 days failed: 2017-10-31. The others are done; the same")
    home = loaded / "reports" / "tiny"
    assert sorted(p.name for p in home.glob("2017*")) == ["2017-09-30", "2017-11-30"]
    assert (home / "latest").resolve() == (home / "2017-11-30").resolve()
    assert [call[0] for call in hook_calls(loaded)] == ["0", "5", "0"]
    assert "not on Halloween" in hook_calls(loaded)[1][1]
    for _, _, argument, manifest in hook_calls(loaded):
        assert argument == "$HOME; id"
        assert json.loads(Path(manifest).read_text(encoding="utf-8"))["status"] in ("passed", "failed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2017-09-30"], "--to '' is not a day; write both --from and --to as YYYY-MM-DD."),
        (["--from", "2017-9-30", "--to", "2017-12-31"], "--from '2017-9-30' is not a day"),
        (["--from", "2017-12-31", "--to", "2017-09-30"], "--to 2017-09-30 lies before --from 2017-12-31."),
        (["--from", "2017-12-31", "--to", "2018-02-28"], "as_of 2018-02-28 is after the data end"),
        (["--from", "2017-12-31", "--to", "9999-12-31"], "as_of '9999-12-31' is not a day."),
        (["--from", "2017-12-31", "--to", "2017-12-31", "--as-of", "2017-12-31"], "--as-of is one day"),
    ],
)
def test_days_that_cannot_be_are_refused_before_anything_runs(crm, loaded: Path, arguments, said) -> None:
    write_notebook(loaded, 1, "never", "1 / 0")
    ended = crm(*arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
    assert not (loaded / "reports" / "tiny" / ".runs").exists()


def test_a_backfill_loads_data_under_the_lock(crm, loaded: Path) -> None:
    write_notebook(loaded, 1, "never", "1 / 0")
    shutil.rmtree(loaded / "data")
    with locked(loaded / "reports" / "tiny", "tiny"):
        ended = crm("--from", "2017-12-31", "--to", "2017-12-31")
    assert ended.exit_code == LockedError.exit_code
    assert not (loaded / "data").exists()


def test_a_request_that_is_refused_is_told_too(crm, loaded: Path) -> None:
    assert crm("--as-of", "2017-02-30").exit_code == 2
    code, message, *rest = hook_calls(loaded)[0]
    assert (code, rest) == ("2", ["$HOME; id"])  # no run, no manifest
    assert "2017-02-30" in message


def test_a_hook_never_changes_how_a_run_ends() -> None:
    assert Hook("")(None, 0, "") == ""
    assert Hook("false")(None, 0, "") == "The --on-end command ended with 1."
    with pytest.raises(Exception, match="there is no command 'no-such-command' that this user may start"):
        Hook("no-such-command --now")
    with pytest.raises(Exception, match="No closing quotation"):
        Hook("mail 'me")


@pytest.mark.parametrize(
    ("message", "received"),
    [("x" * 200_000, "x" * 4000), ("a\0b", "a b"), ("\ud800✓", "\\ud800✓")],
    ids=["long", "nul", "surrogate"],
)
def test_a_hook_is_told_whatever_the_message_is(tmp_path: Path, message: str, received: str) -> None:
    code = "import os, sys; open(sys.argv[1], 'w', encoding='utf-8').write(os.environ['CRM_MESSAGE'])"
    command = shlex.join([sys.executable, "-c", code, str(tmp_path / "told")])
    assert Hook(command)(None, 5, message) == ""
    assert (tmp_path / "told").read_text(encoding="utf-8") == received


def test_on_windows_a_backslash_is_part_of_a_path() -> None:
    command = r'C:\tools\tell.exe --to "C:\my files" plain'
    assert _words(command, windows=True) == [r"C:\tools\tell.exe", "--to", r"C:\my files", "plain"]
    assert _words(r"/bin/a\ b 'c d'", windows=False) == ["/bin/a b", "c d"]


def test_lines_for_people(crm, loaded: Path) -> None:
    write_notebook(loaded, 1, "fine", 'run.record("[bold]".strip("[]"), 1)')
    (loaded / "told.jsonl").unlink(missing_ok=True)
    ended = crm("--as-of", "2017-12-31")
    assert ended.exit_code == 0, ended.output
    started, notebook, published = ended.stdout.splitlines()
    assert started.startswith("tiny as of 2017-12-31, run 20")
    assert notebook.split()[:2] == ["✓", "01_fine"]
    assert published == f"The report is in {loaded / 'reports' / 'tiny' / '2017-12-31' / 'index.html'}"


@pytest.mark.parametrize("charset", ["cp1252"])
def test_a_terminal_that_lacks_a_sign_does_not_fail_the_run(
    loaded: Path, monkeypatch: pytest.MonkeyPatch, charset: str
) -> None:
    monkeypatch.chdir(loaded)
    write_notebook(loaded, 1, "fine", "pass")
    ended = CliRunner(charset=charset).invoke(app, ["run", "tiny", "--only", "fine"], env={"COLUMNS": "99"})
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert [line.split()[0] for line in ended.stdout.splitlines()] == ["tiny", "\\u2713", "Not"]


@pytest.mark.parametrize("charset", ["ascii", "cp949", "utf-8"])
def test_a_line_of_json_reads_the_same_in_every_charset(
    monkeypatch: pytest.MonkeyPatch, charset: str
) -> None:
    """What backslashreplace makes of é (``\\xe9``) is no JSON: such signs must not be left to it."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=charset, errors="backslashreplace"))
    facts = {"run": "é ✓ 한글 😀"}
    Log(LogFormat.json)("started", facts)
    assert json.loads(written.getvalue().decode(charset)).items() >= facts.items()


@pytest.mark.parametrize("looks_on", [True, False])
def test_how_far_notebooks_are_is_said_to_who_looks_on(looks_on: bool) -> None:
    log, written = Log(), io.StringIO()
    log._out = Console(file=written, force_terminal=looks_on, width=99)
    log("progress", {"notebooks": {"02_segmentation": (3, 21), "04_churn": (0, 33)}})
    ended = {"file": "02_segmentation.ipynb", "status": "passed", "seconds": 8.0}
    log("notebook", ended | {"reason": "", "taken_from": ""})
    log("published", {"report": "reports/shop"})
    assert ("02_segmentation 3/21, 04_churn 0/33" in written.getvalue()) is looks_on
    lasting = written.getvalue().replace("\r", "\n").splitlines()
    assert "The report is in reports/shop" in lasting[-1]


@pytest.mark.parametrize("taken", ["reports/tiny", "data/snapshots"])
def test_a_folder_that_cannot_be_made_is_a_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.chdir(project)
    (project / taken).parent.mkdir(exist_ok=True)
    (project / taken).write_text("a file where a folder should be")
    ended = CliRunner().invoke(app, ["load-data", "tiny"], env={"COLUMNS": "999"})
    assert ended.exit_code in (3, 5)  # the data's or the report's
    assert re.fullmatch(rf"Error: .*{taken}.*: (File exists|Not a directory)\. .*\n", ended.stderr)


@pytest.mark.parametrize("option", ["--run-timeout", "--cell-timeout"])
def test_a_wait_beyond_what_systems_can_is_refused(crm, option: str) -> None:
    ended = crm(option, "9999999999")
    assert ended.exit_code == 2
    assert "2592000" in ended.stderr  # the longest


def test_the_hook_is_told_where_the_alerts_are_and_how_many_are_new(tmp_path: Path) -> None:
    """So that whoever wakes people wakes them once: an alert that goes on is no new one."""
    (tmp_path / "tables").mkdir()
    text = "measure,state\r\nrevenue,new\r\norders,still\r\nnps,new\r\nvisits,cleared\r\n"
    alerts = tmp_path / "tables" / "alerts.csv"
    alerts.write_text(text, encoding="utf-8-sig", newline="")
    out = tmp_path / "said.txt"
    said = "os.environ['CRM_ALERTS_NEW'] + os.environ['CRM_ALERTS']"
    code = f"import os; open({str(out)!r}, 'w').write({said})"
    hook = Hook(shlex.join([sys.executable, "-c", code]))
    assert hook(tmp_path / "run.json", 0, "") == ""
    assert out.read_text() == f"2{alerts}"
    alerts.unlink()
    assert hook(tmp_path / "run.json", 0, "") == ""
    assert out.read_text() == "0"
    assert hook(None, 2, "refused") == ""
    assert out.read_text() == "0"
