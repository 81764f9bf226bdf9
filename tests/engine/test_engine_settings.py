"""A study's ``engine``: what is wrong in it is said with its line; what is secret stays out of it."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from tiny import ROOT, TINY

from crm_utils.engine import Engine
from crm_utils.errors import StudyError
from crm_utils.sources import catalogue
from crm_utils.study import Study, read_study

SOURCE = "source: {kind: complete_journey, folder: raw}\n"


def study_with(root: Path, engine: str) -> Study:
    (root / "studies" / "tiny.yaml").write_text(TINY + engine, encoding="utf-8")
    return read_study(root, "tiny")


def test_a_study_runs_on_duckdb_unless_it_says_otherwise(project: Path) -> None:
    assert read_study(project, "tiny").engine == Engine(kind="duckdb")
    assert read_study(project, "tiny").engine.shown == "DuckDB"


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("{kind: dask}", "line 7: engine.kind: Input should be 'duckdb' or 'spark'"),
        ("{kind: spark, mastr: yarn}", "line 7: an engine has no 'mastr'. Did you mean 'master'?"),
        ("{kind: spark, memory: lots}", "line 7: engine.memory:"),
        ("{kind: spark, memory: 3GB}", "line 7: engine.memory:"),
        ("{kind: spark, shuffle_partitions: 0}", "line 7: engine.shuffle_partitions:"),
        ("{kind: spark, remote: 'sc://h:1/;token=abc'}", "'remote' is written sc://host:port"),
        ("{kind: spark, remote: 'http://h:1'}", "'remote' is written sc://host:port"),
        ("{kind: duckdb, memory: 3g}", "DuckDB takes no memory"),
        ("{master: yarn}", "DuckDB takes no master"),
        ("{kind: spark, master: yarn, remote: 'sc://h:1', scratch: /s}", "there is a master and a remote"),
        ("{kind: spark, remote: 'sc://h:1', scratch: /s, memory: 3g}", "'memory' is that of the server"),
        ("{kind: spark, master: 'spark://h:7077'}", "'scratch' is missing: a folder that"),
        ("{kind: spark, settings: {executor.memory: 4g}}", "'executor.memory' is no setting of Spark's"),
        (
            "{kind: spark, settings: {spark.hadoop.fs.s3a.secret.key: abc}}",
            "is a secret: put it into the environment and write $NAME_OF_IT",
        ),
    ],
)
def test_what_is_wrong_is_said(project: Path, engine: str, said: str) -> None:
    with pytest.raises(StudyError) as error:
        study_with(project, f"engine: {engine}\n")
    assert said in str(error.value)
    assert "abc" not in str(error.value)


def test_values_come_from_the_environment_as_spark_reads_them(project: Path) -> None:
    settings = "{spark.hadoop.fs.s3a.access.key: $LAKE_KEY, spark.speculation: true, spark.task.cpus: 2}"
    engine = study_with(project, f"engine: {{kind: spark, settings: {settings}}}\n").engine
    assert engine.variables == ("LAKE_KEY",)
    read = engine.spark_settings({"LAKE_KEY": "s3cret"})
    assert read == {
        "spark.hadoop.fs.s3a.access.key": "s3cret",
        "spark.speculation": "true",
        "spark.task.cpus": "2",
    }
    assert "s3cret" not in engine.model_dump_json()
    with pytest.raises(StudyError, match=r"is \$LAKE_KEY, which is not set"):
        engine.spark_settings({})


@pytest.mark.parametrize(
    ("given", "local"),
    [({}, True), ({"master": "local"}, True), ({"master": "local[2]"}, True), ({"master": "local[*]"}, True),
     ({"master": "local-cluster[2,1,1024]", "scratch": "/s"}, False),
     ({"master": "spark://h:7077", "scratch": "/s"}, False), ({"remote": "sc://h", "scratch": "/s"}, False)],
)  # fmt: skip
def test_what_runs_on_this_machine(given: dict[str, str], local: bool) -> None:
    assert Engine(kind="spark", **given).is_local is local


def test_a_connect_server_s_token_goes_to_the_kernels() -> None:
    assert Engine(kind="spark", remote="sc://h:1", scratch="/s").variables == ("CRM_SPARK_TOKEN",)
    assert Engine(kind="spark").variables == ()


def test_the_page_on_growing_shows_studies_that_are_valid(project: Path) -> None:
    page = (ROOT / "docs" / "growing.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(text) for text in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]
    assert len(blocks) == 4
    for block in blocks:
        text = TINY if block.startswith("engine:") else TINY.replace(SOURCE, "")
        (project / "studies" / "tiny.yaml").write_text(text + block, encoding="utf-8")
        study = read_study(project, "tiny")
        assert study.engine.kind == "spark" or study.source_options(catalogue.Options).database == "lake.crm"
