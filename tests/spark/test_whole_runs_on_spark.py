"""Do all notebooks, run by Spark from the first to the last, give what DuckDB gives? Results and tables."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tiny import ROOT

from crm_utils.reports.manifest import read_manifest
from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request

pytest.importorskip("pyspark", reason="Spark is not installed here: nox -s spark brings it.")

pytestmark = pytest.mark.xdist_group("whole runs")  # one process: the runs are made once

#: Customers of the smallest demo shop on which every notebook finds an answer.
CUSTOMERS = 500
#: Relative: engines may add floats in another order. Of the demo shop no number differs at all.
RELATIVE = 1e-12
#: Hundreds of small queries: compiling them would take longer than running them.
FAST = """\
  shuffle_partitions: 1
  settings:
    spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m
    spark.sql.codegen.wholeStage: false
    spark.sql.codegen.factoryMode: NO_CODEGEN
    spark.sql.adaptive.enabled: false
"""


def engine() -> str:
    """The first lines that docs/growing.md shows, on one core, and what makes small queries quick."""
    page = (ROOT / "docs" / "growing.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(engine:.*?local\[2\].*?)```", page, flags=re.DOTALL)
    return "\n" + shown.replace("local[2]", "local[1]").replace("3g", "2g") + FAST


def studies() -> list[str]:
    """The demo shop; real data as well where CRM_SPARK_STUDIES asks for them (a quarter of an hour)."""
    return os.environ.get("CRM_SPARK_STUDIES", "demo_shop").split(",")


@pytest.fixture(scope="module", params=studies())
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The report of DuckDB and that of Spark, over the same snapshot."""
    home = tmp_path_factory.mktemp(request.param)
    duckdb, spark = project(home / "duckdb", request.param), project(home / "spark", request.param)
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("CRM_RUN", raising=False)
        first = run_study(duckdb, Request(request.param, jobs=1))
        shutil.copytree(duckdb / "data", spark / "data")
        study = spark / "studies" / f"{request.param}.yaml"
        study.write_text(study.read_text(encoding="utf-8") + engine(), encoding="utf-8")
        second = run_study(spark, Request(request.param, jobs=1, cell_timeout=3600, run_timeout=7200))
    return first, second


def project(root: Path, study: str) -> Path:
    """A project of one study."""
    for name in ("notebooks", "rules"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".*"))
    (root / "studies").mkdir()
    for path in (ROOT / "studies").glob(f"{study}.*"):
        text = re.sub(r"(?<=customers: )10000", str(CUSTOMERS), path.read_text(encoding="utf-8"))
        (root / "studies" / path.name).write_text(text, encoding="utf-8")
    return root


def test_every_notebook_ends_on_spark_as_on_duckdb(both: tuple[Path, Path]) -> None:
    here, there = ({n["name"]: n["status"] for n in read_manifest(p)["notebooks"]} for p in both)
    assert here == there
    assert set(there.values()) <= {"passed", "skipped", "cannot"}
    if "demo_shop" in str(both[0]):
        assert set(there.values()) == {"passed"}, "The shop is too small: a notebook found no answer."
        assert len(there) == 11


def test_results_are_the_same(both: tuple[Path, Path]) -> None:
    here, there = both
    names = sorted(path.name for path in (here / "results").glob("*.json"))
    assert names == sorted(path.name for path in (there / "results").glob("*.json"))
    assert names
    differing = {name: differences(*(read_json(p / "results" / name) for p in both)) for name in names}
    assert not any(differing.values()), {
        name: f"{len(d)}, such as {d[0]}" for name, d in differing.items() if d
    }


def test_saved_tables_are_the_same(both: tuple[Path, Path]) -> None:
    here, there = both
    names = sorted(path.name for path in (here / "tables").glob("*.parquet"))
    assert names == sorted(path.name for path in (there / "tables").glob("*.parquet"))
    assert names
    differing = {name: differences(*(rows(p / "tables" / name) for p in both)) for name in names}
    assert not any(differing.values()), {
        name: f"{len(d)}, such as {d[0]}" for name, d in differing.items() if d
    }


def test_spark_wrote_its_report(both: tuple[Path, Path]) -> None:
    """And not DuckDB: else the comparison would be one of DuckDB with itself."""
    assert read_manifest(both[0])["engine"] == "DuckDB"
    assert read_manifest(both[1])["engine"] == "Spark (local[1])"
    assert "pyspark" in read_manifest(both[1])["versions"]


def rows(path: Path) -> list[dict[str, Any]]:
    """A table's rows in their order, its columns in theirs."""
    return pq.read_table(path).to_pylist()


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two results differ, in words. A whole number may be written as a float."""
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        return [each for k in one for each in differences(one[k], other[k], f"{where}.{k}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for k, (a, b) in pairs for each in differences(a, b, f"{where}[{k}]")]
    if isinstance(one, float) or isinstance(other, float):
        same = isinstance(one, int | float) and isinstance(other, int | float) and close(one, other)
    else:
        same = one == other
    return [] if same else [f"{where}: {one!r} against {other!r}"]


def close(one: float, other: float) -> bool:
    both_nan = math.isnan(one) and math.isnan(other)
    return both_nan or math.isclose(one, other, rel_tol=RELATIVE)


def test_the_comparison_sees_a_difference() -> None:
    rows = [{"customer_id": "ann", "value": 1.0}]
    assert not differences(rows, [{"customer_id": "ann", "value": 1.0 + 1e-13}])
    assert differences(rows, [{"customer_id": "ann", "value": 1.0 + 1e-11}])
    assert differences(rows, [{"customer_id": "bob", "value": 1.0}])
    assert differences(rows, [{"customer_id": "ann", "value": None}])
    assert differences(rows, [])
