"""What a Spark needs is looked for before anything starts, and what is missing is said in a sentence."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from notebook_maker import write_notebook
from tiny import TINY
from typer.testing import CliRunner

from crm_utils.command.cli import app
from crm_utils.engine import Engine, reach
from crm_utils.errors import StudyError
from crm_utils.reports.manifest import read_manifest
from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """What is installed here, as this test says."""
    there = {"pyspark", "grpc", "grpc_status", "google.rpc"}
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> Any:
        ours = {"pyspark", "grpc", "grpc_status", "google.rpc"}
        return (ModuleSpec(name, None) if name in there else None) if name in ours else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setenv("JAVA_HOME", "/somewhere")
    return there


@pytest.fixture
def silent_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def refusal(**given: Any) -> str:
    with pytest.raises(StudyError) as error:
        reach.refuse_unreachable(Engine(kind="spark", **given))
    return str(error.value)


def test_duckdb_needs_nothing(installed: set[str]) -> None:
    installed.clear()
    reach.refuse_unreachable(Engine())


def test_spark_that_is_not_installed(installed: set[str]) -> None:
    installed.discard("pyspark")
    assert refusal() == (
        "The study's engine is Spark, which is not installed here. Install it: pip install -e '.[spark]'."
    )


def test_no_java(installed: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "no Java on this machine. Install Java 17 or later, or set JAVA_HOME" in refusal()


def test_a_connect_server_needs_no_java_but_its_own_packages(
    installed: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent_port: int
) -> None:
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    given = {"remote": f"sc://127.0.0.1:{silent_port}", "scratch": str(tmp_path)}
    assert f"Nobody answers at engine.remote sc://127.0.0.1:{silent_port}" in refusal(**given)
    installed.discard("grpc")
    assert "engine.remote needs grpc. Install it: pip install -e '.[spark]'." in refusal(**given)


def test_a_master_that_is_silent_or_answers(installed: set[str], tmp_path: Path, silent_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        there = f"spark://127.0.0.1:{silent_port},127.0.0.1:{port}"  # two masters, of which one is up
        reach.refuse_unreachable(Engine(kind="spark", master=there, scratch=str(tmp_path)))
    gone = f"spark://127.0.0.1:{silent_port}"
    assert f"Nobody answers at engine.master {gone} within 5 seconds" in refusal(
        master=gone, scratch=str(tmp_path)
    )


def test_a_scratch_folder_that_is_not_there(installed: set[str], tmp_path: Path) -> None:
    said = refusal(master="yarn", scratch=str(tmp_path / "none"))
    assert said.endswith("none is no folder that can be written to. Make it first.")


def test_a_run_is_refused_before_it_starts_and_the_last_report_stays(
    loaded: Path, installed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(loaded, 1, "counts", 'run.record("one", 1)')
    report = run_study(loaded, Request("tiny"))
    before = read_manifest(report)
    study = loaded / "studies" / "tiny.yaml"
    study.write_text(TINY + "engine: {kind: spark}\n", encoding="utf-8")
    installed.discard("pyspark")
    with pytest.raises(StudyError, match="Spark, which is not installed here"):
        run_study(loaded, Request("tiny"))
    assert read_manifest(loaded / "reports" / "tiny" / "latest") == before
    monkeypatch.chdir(loaded)
    checked = CliRunner().invoke(app, ["check", "tiny"])
    assert checked.exit_code == 2
    assert "Spark, which is not installed here" in checked.output
    installed.add("pyspark")
    checked = CliRunner().invoke(app, ["check", "tiny"])
    assert checked.exit_code == 0, checked.output
    assert "Engine: Spark (this machine); it can be reached." in checked.output
