"""A Spark that ends in the middle of a run, or was never there: one sentence, and the last report stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebook_maker import write_notebook
from tiny import TINY

from crm_utils.errors import RunError
from crm_utils.reports.manifest import read_manifest, read_results
from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request

pytest.importorskip("pyspark", reason="Spark is not installed here: nox -s spark brings it.")

COUNT = 'run.record("lines", int(run.table("order_lines").count().execute()))'
ENGINE = (
    "engine: {kind: spark, master: 'local[1]', memory: 600m, settings: {spark.driver.maxResultSize: 1m}}\n"
)
#: A cell, and how the run ends.
FAILURES = {
    "killed": (
        "import os, signal\n"
        "java = run.con._session.sparkContext._gateway.proc.pid\n"
        "os.kill(java, signal.SIGKILL)\n"
        "run.table('order_lines').count().execute()",
        "Spark's process on this machine ended: it ran out of memory (engine.memory",
    ),
    "too_much_at_once": (
        "run.con.sql(\"SELECT id, repeat(cast(id AS STRING), 100) AS long FROM range(200000)\").to_pyarrow()",
        "More rows came home at once than Spark allows.",
    ),
    "no_memory": (
        "run.con.sql(\"SELECT length(array_join(collect_list(repeat('x', 1000)), '')) AS n "
        "FROM range(3000000)\").to_pyarrow()",
        "ran out of memory",
    ),
}  # fmt: skip


@pytest.mark.parametrize("failure", list(FAILURES))
def test_a_run_that_fails_says_why_and_leaves_the_last_report(loaded: Path, failure: str) -> None:
    write_notebook(loaded, 1, "counts", COUNT)
    report = run_study(loaded, Request("tiny", jobs=1))  # by DuckDB
    before = (report / "index.html").read_bytes()
    (loaded / "studies" / "tiny.yaml").write_text(TINY + ENGINE, encoding="utf-8")
    cell, said = FAILURES[failure]
    write_notebook(loaded, 1, "counts", COUNT, cell)
    with pytest.raises(RunError) as error:
        run_study(loaded, Request("tiny", jobs=1))
    assert said in str(error.value)
    assert "01_counts.ipynb, cell [" in str(error.value)
    assert "Nothing was published" in str(error.value)
    assert (loaded / "reports" / "tiny" / "latest" / "index.html").read_bytes() == before


def test_nothing_of_spark_is_left_behind(
    loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").mkdir()  # short: a local socket's path may have about 100 characters
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    monkeypatch.setattr("tempfile.tempdir", None)
    write_notebook(
        loaded, 1, "counts", COUNT, "kept = run.table('order_lines').cache()\nkept.count().execute()"
    )
    (loaded / "studies" / "tiny.yaml").write_text(TINY + ENGINE, encoding="utf-8")
    report = run_study(loaded, Request("tiny", jobs=1))
    assert read_manifest(report)["engine"] == "Spark (local[1])"
    assert not [p.name for p in (tmp_path / "t").iterdir() if not p.name.startswith(("hsperf", "crm-spill"))]
    # Nor does what it says while it starts and works stand in the notebook.
    executed = (report / "counts.ipynb").read_text(encoding="utf-8")
    assert "WARN" not in executed
    assert '"stderr"' not in executed


def test_a_secret_reaches_spark_and_no_list_of_processes(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_SECRET", "s3cret")
    cell = (
        "import os\nfrom pathlib import Path\n"
        "secret = os.environ['LAKE_SECRET']\n"
        "context = run.con._session.sparkContext\n"
        "command = Path(f'/proc/{context._gateway.proc.pid}/cmdline').read_text()\n"
        "run.record('shown', int(secret in command))\n"
        "run.record('known', int(context.getConf().get('spark.hadoop.lake.secret.key') == secret))"
    )
    write_notebook(loaded, 1, "counts", cell)
    settings = "{spark.hadoop.lake.secret.key: $LAKE_SECRET}"
    engine = f"engine: {{kind: spark, master: 'local[1]', memory: 600m, settings: {settings}}}\n"
    (loaded / "studies" / "tiny.yaml").write_text(TINY + engine, encoding="utf-8")
    report = run_study(loaded, Request("tiny", jobs=1))
    numbers = read_results(report)["counts"]["numbers"]
    assert {name: entry["value"] for name, entry in numbers.items()} == {"known": 1, "shown": 0}
    assert not [p for p in report.rglob("*") if p.is_file() and b"s3cret" in p.read_bytes()]
