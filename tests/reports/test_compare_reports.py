from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from crm_utils.command.cli import app
from crm_utils.reports.compare_reports import Cause, diff

BASE = {
    "run_id": "r1", "study": "tiny", "status": "passed",
    "schema_version": 1, "title": "Tiny", "currency": "USD", "timezone": "Asia/Seoul", "as_of": "2017-12-31",
    "history_starts": "2017-01-01", "code": "c1", "versions": {"pandas": "3.1"},
    "snapshot": {"id": "s1", "inputs": [{"name": "lines.parquet", "sha256": "a", "rows": 10}]},
    "notebooks": [{"name": "churn", "parameters": {}, "source": "n1"}],
}  # fmt: skip


def report(
    folder: Path, *, rate: float = 0.30, rows: int = 3, column: str = "customer_id", **other: object
) -> Path:
    """A report as a run leaves it, as far as a comparison reads it."""
    (folder / "tables").mkdir(parents=True)
    (folder / "results").mkdir()
    (folder / "run.json").write_text(json.dumps(BASE | other), encoding="utf-8")
    number = {"value": rate, "unit": "share", "low": rate - 0.02, "high": rate + 0.02}
    tables = {"scores": {"rows": rows, "columns": [column], "files": ["scores.parquet"]}}
    results = {"numbers": {"rate": number}, "tables": tables}
    (folder / "results" / "churn.json").write_text(json.dumps(results), encoding="utf-8")
    pd.DataFrame({column: range(rows)}).to_parquet(folder / "tables" / "scores.parquet", index=False)
    return folder


@pytest.mark.parametrize(
    ("other", "cause"),
    [
        ({}, None),
        ({"as_of": "2017-09-30"}, Cause("day", "2017-12-31 → 2017-09-30")),
        (
            {"snapshot": {"id": "s2", "inputs": [{"name": "lines.parquet", "sha256": "b", "rows": 1200}]}},
            Cause("data", "lines.parquet has other content, 10 → 1,200 rows"),
        ),
        (
            {"snapshot": {"id": "s2", "inputs": BASE["snapshot"]["inputs"]}},
            Cause("data", "the same files, loaded in another way (options, zone, version)"),
        ),
        (
            {"notebooks": [{"name": "churn", "parameters": {"days": 7}, "source": "n1"}]},
            Cause("parameters", "churn.days: the default → 7"),
        ),
        ({"timezone": "UTC"}, Cause("parameters", "the study's timezone: Asia/Seoul → UTC")),
        (
            {"notebooks": [{"name": "churn", "parameters": {}, "source": "n2"}]},
            Cause("code", "notebook churn was edited"),
        ),
        ({"notebooks": []}, Cause("code", "notebook churn is gone")),
        ({"code": "c2"}, Cause("code", "the package crm_utils was edited")),
        ({"versions": {"pandas": "3.2"}}, Cause("code", "pandas 3.1 → 3.2")),
    ],
)
def test_each_cause_is_named_and_no_other(tmp_path: Path, other: dict, cause: Cause | None) -> None:
    difference = diff(report(tmp_path / "a"), report(tmp_path / "b", **other))
    assert difference.causes == ((cause,) if cause else ())
    assert (difference.numbers.moved, difference.numbers.same) == ((), 1)
    assert (difference.tables, difference.same_tables) == ((), 1)


def test_numbers_move_beyond_their_intervals_and_tables_by_bytes(tmp_path: Path) -> None:
    old = report(tmp_path / "a")
    assert diff(old, report(tmp_path / "b", rate=0.31)).numbers.within == 1
    difference = diff(old, report(tmp_path / "c", rate=0.40, rows=1500, column="score"))
    assert [(c.name, c.before, c.after) for c in difference.numbers.moved] == [
        ("rate", "30.0\u00a0% (28.0\u00a0% to 32.0\u00a0%)", "40.0\u00a0% (38.0\u00a0% to 42.0\u00a0%)")
    ]
    assert difference.tables[0].what == "3 → 1,500 rows; new columns: score; columns gone: customer_id"


@pytest.fixture
def crm(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["diff", "tiny", *arguments])

    return call


def test_the_command(crm, project: Path) -> None:
    home = project / "reports" / "tiny"
    report(home / "2017-12-31", code="c2", rate=0.5)
    report(home / ".runs" / "20260101T000000-abcdef")
    said = crm("20260101T000000-abcdef", "2017-12-31")
    assert said.exit_code == 0, said.output
    assert "code         the package crm_utils was edited" in said.stdout
    assert "Numbers: 1 moved, 0 within their intervals, 0 the same, 0 new, 0 gone" in said.stdout
    assert "Tables: 0 changed, 1 the same" in said.stdout
    wrong = crm("2017-12-30", "2017-12-31")
    assert wrong.exit_code == 2
    assert (
        "'tiny' has no report '2017-12-30'. Did you mean '2017-12-31'? There are: 2017-12-31." in wrong.stderr
    )
    assert crm("../2017-12-31", "2017-12-31").exit_code == 2
    report(home / "2017-12-30", rate=0.1, as_of="2017-12-31")
    alone = crm("2017-12-30", "20260101T000000-abcdef")
    assert alone.exit_code == 5
    assert "Results moved by themselves" in alone.stderr
