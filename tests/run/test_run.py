from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from notebook_maker import write_notebook
from tiny import TINY

import __main__
from crm_utils import open_run, tables
from crm_utils.errors import DataError, RunError, StudyError
from crm_utils.run import Run


@pytest.fixture
def run(in_project: Path) -> Run:
    return open_run("segmentation", study="tiny", as_of="2017-09-30")


def results(run: Run) -> dict:
    return json.loads((run.folder / "results" / "segmentation.json").read_text(encoding="utf-8"))


def test_opened_by_hand_it_loads_the_data_and_writes_to_a_draft(run: Run, in_project: Path) -> None:
    assert run.folder == in_project.resolve() / "reports" / "tiny" / "draft" / "2017-09-30"
    assert (in_project / "data" / "snapshots" / "tiny" / "CURRENT").is_file()
    assert results(run)["as_of"] == "2017-09-30"


def test_nothing_after_the_day_reaches_a_notebook(run: Run) -> None:
    end = dt.datetime(2017, 10, 1)
    for name in run.snapshot.tables:
        seen = run.table(name).execute()
        whole = run.con.read_parquet(run.snapshot.path(name)).execute()
        spec = tables.TABLES[name]
        assert not (pd.to_datetime(seen[spec.cut]) >= end).any(), name
        later = pd.to_datetime(whole[spec.cut]) >= end
        assert len(seen) == (~later).sum(), name
        for column in spec.columns:
            if column.type in (tables.TIME, tables.DAY) and column.name != "ends_on":
                assert not (pd.to_datetime(seen[column.name]) >= end).any(), (name, column.name)
    assert run.table("orders").ordered_at.max().execute() < end


def test_a_later_redemption_of_an_earlier_message_is_not_known_yet(run: Run) -> None:
    then = run.at("2017-09-05").table("messages").execute()
    now = run.table("messages").execute()
    assert len(then) == len(now)
    assert 0 < then["redeemed_at"].notna().sum() < now["redeemed_at"].notna().sum()


def test_an_earlier_day_can_be_looked_at_a_later_one_not(run: Run) -> None:
    before = run.at("2017-06-30")
    assert before.table("orders").ordered_at.max().execute() < dt.datetime(2017, 7, 1)
    assert str(before.as_of) == "2017-06-30"
    with pytest.raises(StudyError, match="2017-10-31 lies after this run's as_of 2017-09-30"):
        run.at("2017-10-31")


def test_a_table_that_is_not_there(run: Run) -> None:
    with pytest.raises(DataError, match=r"cannot have a table 'order_line'. Did you mean 'order_lines'\?"):
        run.table("order_line")
    assert run.table("feedback", required=False) is None


def test_what_one_notebook_saves_the_next_loads(run: Run) -> None:
    run.save("segments", run.table("customers").select("customer_id", "age"), order_by=["customer_id"])
    again = open_run("offers", study="tiny", as_of="2017-09-30").load("segments").execute()
    assert again["customer_id"].is_monotonic_increasing
    assert results(run)["tables"]["segments"]["files"] == ["segments.parquet", "segments.csv"]
    with pytest.raises(
        RunError, match="No table 'rules' for tiny as of 2017-09-30 yet. .* crm run tiny --as-of 2017-09-30"
    ):
        run.load("rules")
    with pytest.raises(RunError, match="No table 'segments' for tiny as of 2017-12-31"):
        open_run("offers", study="tiny").load("segments")


def test_frames_and_arrow_tables_keep_their_order(run: Run) -> None:
    run.save("a", pd.DataFrame({"x": [3, 1, 2]}))
    run.save("b", pa.table({"x": [3, 1, 2]}))
    assert pd.read_parquet(run.folder / "tables" / "a.parquet")["x"].tolist() == [3, 1, 2]
    assert pd.read_parquet(run.folder / "tables" / "b.parquet")["x"].tolist() == [3, 1, 2]
    with pytest.raises(RunError, match="'c' is a list"):
        run.save("c", [1])
    with pytest.raises(RunError, match="no table's name"):
        run.save("../c", pd.DataFrame())


def test_a_spreadsheet_never_gets_a_formula_from_text(run: Run) -> None:
    names = ["=1+1", "+1+1", "-1", "@a", "\tb", "\rc", "plain", '=HYPERLINK("x")', "한글"]
    run.save("a", pd.DataFrame({"name": names, "=amount": [-1.5] * len(names)}))
    with (run.folder / "tables" / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["name", "'=amount"]
    assert [name.removeprefix("'") for name, _ in rows] == names
    assert [name[0] == "'" for name, _ in rows] == [True] * 6 + [False, True, False]
    assert {amount for _, amount in rows} == {"-1.5"}
    assert pd.read_parquet(run.folder / "tables" / "a.parquet")["name"].tolist() == names


def test_a_csv_is_for_people_and_parquet_for_programs(run: Run) -> None:
    share, amount = 0.123456789012345, 1234.56789
    frame = pd.DataFrame({"share": [share], "amount": [amount], "why": [["late", "=1"]], "n": [123456789]})
    run.save("a", frame, purpose="For the team.", columns={"share": ("of all", "share, 0 to 1")})
    lines = (run.folder / "tables" / "a.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["share,amount,why,n", "0.1235,1234.57,late; =1,123456789"]
    kept = pd.read_parquet(run.folder / "tables" / "a.parquet")
    assert (kept["share"][0], kept["amount"][0]) == (share, amount)
    table = results(run)["tables"]["a"]
    assert table["purpose"] == "For the team."
    assert table["meanings"] == {"share": ["of all", "share, 0 to 1"]}


def test_a_list_too_long_for_a_spreadsheet_is_parquet_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_utils.run.results.CSV_ROWS", 2)
    run.save("a", pd.DataFrame({"x": [1, 2, 3]}))
    assert results(run)["tables"]["a"]["files"] == ["a.parquet"]


def test_dollars_are_no_formula_in_jupyterlab(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """JupyterLab's MathJax reads "$5 to $6" as a formula, but for this class."""
    run.finding("From $5 to $6.")
    run.say("From $5 to $6.")
    run.warn("From $5 to $6.")
    run.sure("From $5 to $6.")
    assert capsys.readouterr().out.count('mathjax_ignore"') == 4
    assert 'class="shown mathjax_ignore"' in run.provenance()._repr_html_()


def test_numbers_are_kept_with_unit_and_interval(run: Run) -> None:
    run.record("customers", np.int64(7), unit="customers")
    run.record("gini", 0.123456789012345, low=0.1, high=np.float64(0.2))
    run.record("verdict", "ship")
    run.record("unknown", None)
    assert results(run)["numbers"] == {
        "customers": {"value": 7, "unit": "customers"},
        "gini": {"value": 0.123456789, "unit": "", "low": 0.1, "high": 0.2},
        "unknown": {"value": None, "unit": ""},
        "verdict": {"value": "ship", "unit": ""},
    }


def test_an_end_that_misses_its_value_by_rounding_is_put_on_it(run: Run) -> None:
    run.record("rate", 0.0, low=2.8e-17, high=0.3)
    assert results(run)["numbers"]["rate"]["low"] == 0.0


@pytest.mark.parametrize(
    ("name", "value", "more", "said"),
    [
        ("Gini", 0.5, {}, "no result's name"),
        ("a..b", 0.5, {}, "no result's name"),
        ("gini", float("nan"), {}, "gini = nan is not a finite number"),
        ("gini", float("inf"), {}, "not a finite number"),
        ("gini", [1], {}, "not a finite number"),
        ("day", pd.NaT, {}, "day = NaT is not a finite number, a text or a day"),
        ("gini", 0.5, {"low": 0.6, "high": 0.7}, "lies outside its interval 0.6 to 0.7"),
    ],
)
def test_what_is_no_number_is_refused(run: Run, name: str, value: object, more: dict, said: str) -> None:
    with pytest.raises(RunError, match=said):
        run.record(name, value, **more)
    assert results(run)["numbers"] == {}


def test_findings_are_kept_and_shown_escaped(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.finding("<b>A</b> & $5 **bold**", at_stake=12.5)
    run.say("only here")
    assert results(run)["findings"] == [
        {"text": "<b>A</b> & $5 **bold**", "at_stake": 12.5, "anchor": "finding-1"}
    ]
    shown = capsys.readouterr().out
    assert "&lt;b&gt;A&lt;/b&gt; &amp; $5 **bold**" in shown
    assert "only here" in shown


def test_an_action_is_for_somebody_and_its_list_was_saved(run: Run) -> None:
    run.action("Remind", "customers who are late", customers=0, why="Nobody is.", list="late")
    assert results(run)["actions"] == []
    with pytest.raises(RunError, match="No list 'late' was saved"):
        run.action("Remind", "customers who are late", customers=7, why="They are.", list="late")
    with pytest.raises(RunError, match="has no horizon"):
        run.action("Remind", "customers who are late", customers=7, why="They are.", gain=1.0)
    run.action("Remind", "customers who are late", customers=7, why="They are.")
    assert [a["customers"] for a in results(run)["actions"]] == [7]


def test_opening_again_begins_anew(run: Run) -> None:
    run.record("customers", 7)
    assert results(open_run("segmentation", study="tiny", as_of="2017-09-30"))["numbers"] == {}


def test_a_difference_to_the_study_is_said(
    in_project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(in_project, 1, "offers", parameters="top_k: int = 3\n")
    (in_project / "studies" / "tiny.yaml").write_text(
        TINY + "notebooks: {offers: {top_k: 5}}\n", encoding="utf-8"
    )
    monkeypatch.setattr(__main__, "top_k", 3, raising=False)
    open_run("offers", study="tiny")
    assert "The study sets top_k = 5; this notebook goes on with top_k = 3." in capsys.readouterr().out


def test_a_changed_source_is_loaded_anew(in_project: Path) -> None:
    first = open_run("a", study="tiny").snapshot.id
    study = in_project / "studies" / "tiny.yaml"
    study.write_text(TINY.replace("America/New_York", "Asia/Seoul"), encoding="utf-8")
    assert open_run("a", study="tiny").snapshot.id != first


def test_another_pythons_kernel_is_refused(in_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_RUN", str(in_project))
    monkeypatch.setenv("CRM_PYTHON", "/another/python")
    with pytest.raises(RunError, match="but the run was started with /another/python"):
        open_run("a", study="tiny")


def test_the_same_results_give_the_same_bytes(in_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def once(threads: str) -> dict[str, bytes]:
        monkeypatch.setenv("CRM_THREADS", threads)
        run = open_run("a", study="tiny")
        orders = run.table("orders")
        run.save(
            "spend", orders.group_by("customer_id").agg(spend=orders.amount.sum(), orders=orders.count())
        )
        run.record("revenue", orders.amount.sum().execute(), unit="USD")
        return {str(p.relative_to(run.folder)): p.read_bytes() for p in sorted(run.folder.rglob("*.*"))}

    first = once("1")
    assert len(first) == 3
    assert once("2") == first
    assert once("1") == first


def test_a_table_that_fails_half_way_leaves_nothing(run: Run) -> None:
    def batches():
        yield pa.record_batch({"a": [1, 2]})
        raise ValueError("half way")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    for table in (reader, run.table("orders").mutate(a=ibis.literal("half way").cast("int64"))):
        with pytest.raises(Exception, match="half way"):
            run.save("t", table)
        assert list((run.folder / "tables").iterdir()) == []


def test_a_segment_is_drilled_down_with_what_later_lists_know(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match="No table 'segments'"):
        run.segment("Loyal")
    customers = {"customer_id": ["a", "b", "c"], "segment": ["Loyal", "Loyal", "Lost"]}
    run.save("segments", pd.DataFrame(customers | {"revenue": [5.0, 9.0, 1.0]}))
    assert run.segment("Loyal")["customer_id"].tolist() == ["b", "a"]
    run.save("churn_scores", pd.DataFrame({"customer_id": ["a", "c"], "p_lapse": [0.25, 0.9]}))
    drilled = run.segment("Loyal").set_index("customer_id")
    assert drilled.loc["a", "p_lapse"] == 0.25
    assert pd.isna(drilled.loc["b", "p_lapse"])
    with pytest.raises(RunError, match="'Loyal'"):
        run.segment("Loyall")
    monkeypatch.setenv("CRM_RUN", "somewhere")  # a page shows groups, never customers
    assert run.segment("Loyal") is None
