"""The samples in schedules/ and the commands in docs: every one is one that ``crm`` understands."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml
from tiny import ROOT

from crm_utils.command.cli import app
from crm_utils.errors import CrmError, DataError, LockedError, RunError, StudyError
from crm_utils.people import pseudonyms

SAMPLES = sorted(p for p in (ROOT / "schedules").rglob("*") if p.is_file() and p.suffix != ".pyc")
TEXTS = [*SAMPLES, ROOT / "docs" / "scheduling.md"]


def commands(path: Path) -> list[list[str]]:
    """The arguments of every ``crm`` on a line of its own or in a sample."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    calls = re.findall(r"(?:^|[ `/])crm ((?:run|check|diff|load-data) [^\n`#]*)", text, re.M)
    # A redirection is the shell's, a last quote Python's; {study} is filled in by the DAG.
    plain = (re.split(r" (?:>>?|\||&&) ", call)[0].replace("{study}", "x") for call in calls)
    return [shlex.split(re.sub(r'",$', "", call)) for call in plain]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_command_is_understood(path: Path) -> None:
    calls = commands(path)
    assert calls or path.suffix in {".timer"} or path.name == "crm_papermill.py"
    group = typer.main.get_command(app)
    for name, *arguments in calls:
        group.commands[name].make_context(name, list(arguments))


def test_the_workflow_keeps_what_the_links_lead_to() -> None:
    flow = yaml.safe_load((ROOT / "schedules" / "github_actions.yml").read_text(encoding="utf-8"))
    upload = flow["jobs"]["report"]["steps"][-1]
    assert upload["with"]["include-hidden-files"] is True
    assert flow[True]["schedule"]  # YAML reads "on" as True


def test_the_line_of_cron_goes_to_the_project_and_keeps_errors_for_the_mail(tmp_path: Path) -> None:
    """Cron's own parts are five fields and variables; the rest is the shell's, and is given to it."""
    text = (ROOT / "schedules" / "crontab").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    *when, command = lines[-1].split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in when)
    assert len(when) == 5
    crm = tmp_path / ".venv" / "bin" / "crm"
    crm.parent.mkdir(parents=True)
    (tmp_path / "reports").mkdir()
    crm.write_text('#!/bin/sh\npwd\necho "$@"\necho "$CRM_PSEUDONYM_KEY"\necho bad >&2\nexit 3\n')
    crm.chmod(0o755)
    secrets = tmp_path / "secrets.env"
    environment = variables | {"PATH": "/usr/bin:/bin", "PROJECT": str(tmp_path), "SECRETS": str(secrets)}
    for key in ("", "a key"):  # a study without people needs no file
        if key:
            secrets.write_text(f"CRM_PSEUDONYM_KEY='{key}'\n", encoding="utf-8")
        ended = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True)
        assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", "bad\n")
        logged = (tmp_path / "reports" / "cron.log").read_text(encoding="utf-8").splitlines()
        assert logged[-3:] == [str(tmp_path.resolve()), "run complete_journey --as-of latest --resume", key]


def test_the_units_are_valid(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine.")
    crm = tmp_path / ".venv" / "bin" / "crm"
    crm.parent.mkdir(parents=True)
    crm.write_text("#!/bin/sh\n")
    crm.chmod(0o755)
    units = [tmp_path / path.name for path in SAMPLES if path.suffix in {".service", ".timer"}]
    for unit in units:
        text = (ROOT / "schedules" / unit.name).read_text(encoding="utf-8")
        unit.write_text(text.replace("/srv/crm-notebooks", str(tmp_path)).replace("User=crm", "User=daemon"))
    ended = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    ours = [line for line in ended.stderr.splitlines() if "crm-notebooks" in line]
    assert (ended.returncode, ours) == (0, [])


def test_a_study_with_people_can_be_loaded() -> None:
    """Its key is in the environment, and all that git leaves out as a run's own can be written."""
    unit = (ROOT / "schedules" / "crm-notebooks.service").read_text(encoding="utf-8")
    settings = dict(line.split("=", 1) for line in unit.splitlines() if re.match(r"[A-Z]\w+=", line))
    assert settings["EnvironmentFile"].startswith("-/etc/")  # may be missing
    writable = {Path(place.lstrip("-")).name for place in settings["ReadWritePaths"].split()}
    assert writable == {"data", "reports", "private"}
    flow = yaml.safe_load((ROOT / "schedules" / "github_actions.yml").read_text(encoding="utf-8"))
    step = next(s for s in flow["jobs"]["report"]["steps"] if s.get("run", "").startswith("crm run"))
    assert step["env"] == {pseudonyms.KEY_NAME: "${{ secrets.CRM_PSEUDONYM_KEY }}"}
    named = [
        p.name for p in SAMPLES if p.suffix != ".timer" and pseudonyms.KEY_NAME not in p.read_text("utf-8")
    ]
    assert named == []


def test_the_page_tells_every_exit_code() -> None:
    page = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.M)}
    errors = {error.exit_code for error in (CrmError, StudyError, DataError, LockedError, RunError)}
    assert documented == {0, 130, 143} | errors
