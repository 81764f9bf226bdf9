"""A Spark Connect server and its catalogue's tables, read where they lie: a run gives what DuckDB gives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_maker import write_notebook
from tiny import ROOT, TINY

pyspark = pytest.importorskip("pyspark", reason="Spark is not installed here: nox -s spark brings it.")
pytest.importorskip("grpc", reason="The client of Spark Connect is not installed: nox -s spark brings it.")

pytestmark = pytest.mark.xdist_group("connect")  # one server for all

#: In a process of its own: a Spark inside this one and a server's cannot be open in it together.
FILL = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
url, folder = sys.argv[1:]
spark = SparkSession.builder.remote(url).getOrCreate()
for database in ("crm", "broken", "instants"):
    spark.sql(f"CREATE DATABASE {database}")
for path in sorted(Path(folder).glob("*.parquet")):
    spark.read.parquet(f"file://{path}").write.saveAsTable(f"crm.{path.stem}")
lines = spark.table("crm.order_lines")
some_ids = "CASE WHEN amount > 10 THEN order_id END AS order_id"
lines.selectExpr(some_ids, "* EXCEPT (order_id)").write.saveAsTable("broken.order_lines")
instant = "CAST(ordered_at AS TIMESTAMP) AS ordered_at"
lines.selectExpr(instant, "* EXCEPT (ordered_at)").write.saveAsTable("instants.order_lines")
"""
COUNTS = """\
lines, orders = run.table("order_lines"), run.table("orders")
run.record("lines", int(lines.count().execute()))
run.record("revenue", float(lines.amount.sum().execute()))
run.record("orders", int(orders.count().execute()))
run.save("per_customer", orders.group_by("customer_id").agg(n=orders.count()), order_by=["customer_id"])"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address and the process of a Connect server on this machine."""
    home, here = Path(pyspark.__file__).parent, tmp_path_factory.mktemp("server")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    settings = {
        "spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1", "spark.sql.shuffle.partitions": "1",
        "spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port),
        "spark.sql.warehouse.dir": str(here / "warehouse"),
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }  # fmt: skip
    command = [str(home / "bin" / "spark-submit"), "--master", "local[1]", "--driver-memory", "1g"]
    command += [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    with (here / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=here, start_new_session=True)
    try:
        wait_for(port, process, here / "log")
        yield f"sc://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise AssertionError("The Connect server did not start within two minutes.")


@pytest.fixture(scope="module")
def filled(server: tuple[str, int], tiny_data: Path) -> tuple[str, int]:
    """The same server, whose catalogue holds the tiny shop's tables."""
    (first,) = {path.parent for path in tiny_data.glob("snapshots/tiny/*/order_lines.parquet")}
    subprocess.run([sys.executable, "-c", FILL, server[0], str(first)], check=True, timeout=600)
    return server


def crm(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from crm_utils.command.cli import app; app()"
    command = [sys.executable, "-c", program, *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment, timeout=1200)


def in_catalogue(root: Path, url: str, database: str) -> None:
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    text = TINY.replace("{kind: complete_journey, folder: raw}", f"{{kind: catalogue, database: {database}}}")
    text += f"engine: {{kind: spark, remote: '{url}', scratch: '{scratch}'}}\n"
    (root / "studies" / "tiny.yaml").write_text(text, encoding="utf-8")


def numbers(root: Path, notebook: str) -> dict[str, object]:
    path = root / "reports" / "tiny" / "latest" / "results" / f"{notebook}.json"
    return json.loads(path.read_text(encoding="utf-8"))["numbers"]


def test_a_catalogue_gives_what_the_copied_tables_give(loaded: Path, filled: tuple[str, int]) -> None:
    write_notebook(loaded, 1, "counts", COUNTS)
    shutil.copyfile(
        ROOT / "notebooks" / "02_segmentation.ipynb", loaded / "notebooks" / "02_segmentation.ipynb"
    )
    assert crm(loaded, "run", "tiny", "--jobs", "1").returncode == 0
    before = {name: numbers(loaded, name) for name in ("counts", "segmentation")}
    table = (loaded / "reports/tiny/latest/tables/per_customer.csv").read_text(encoding="utf-8")
    in_catalogue(loaded, filled[0], "crm")
    checked = crm(loaded, "check", "tiny")
    assert checked.returncode == 0, checked.stderr
    assert f"Engine: Spark ({filled[0]}); it can be reached." in checked.stdout
    done = crm(loaded, "run", "tiny", "--jobs", "1")
    assert done.returncode == 0, done.stderr + done.stdout
    assert {name: numbers(loaded, name) for name in before} == before
    assert (loaded / "reports/tiny/latest/tables/per_customer.csv").read_text(encoding="utf-8") == table
    newest = max(loaded.glob("data/snapshots/tiny/*/snapshot.json"), key=lambda p: p.stat().st_mtime)
    assert not list(newest.parent.glob("*.parquet")), "The tables were copied."
    assert json.loads(newest.read_text())["tables"]["order_lines"]["lies_at"] == "crm.order_lines"
    assert not list((loaded / "scratch").iterdir()), "Intermediate tables are left behind."


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("broken", "broken.order_lines breaks the contract, and is read where it lies"),
        ("instants", "instants.order_lines.ordered_at is a TIMESTAMP: an instant"),
        ("nowhere", "Spark knows no database 'nowhere'."),
    ],
)
def test_what_does_not_keep_the_contract_is_refused(
    loaded: Path, filled: tuple[str, int], database: str, said: str
) -> None:
    write_notebook(loaded, 1, "counts", COUNTS)
    in_catalogue(loaded, filled[0], database)
    done = crm(loaded, "run", "tiny")
    assert done.returncode == 3, done.stderr + done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_catalogue_needs_spark(loaded: Path) -> None:
    in_catalogue(loaded, "sc://h:1", "crm")
    study = loaded / "studies" / "tiny.yaml"
    study.write_text(study.read_text(encoding="utf-8").partition("engine:")[0], encoding="utf-8")
    done = crm(loaded, "load-data", "tiny")
    assert done.returncode == 2
    assert (
        "A catalogue's tables are read by Spark: add 'engine: {kind: spark, …}' to the study." in done.stderr
    )


def test_a_connection_that_is_lost_ends_the_run_and_the_last_report_stays(
    loaded: Path, filled: tuple[str, int]
) -> None:
    """Last: it ends the server."""
    write_notebook(loaded, 1, "counts", COUNTS)
    in_catalogue(loaded, filled[0], "crm")
    assert crm(loaded, "run", "tiny").returncode == 0
    before = (loaded / "reports" / "tiny" / "latest" / "index.html").read_bytes()
    kill = (
        f"import os\nos.kill({filled[1]}, {int(signal.SIGKILL)})\nrun.table('order_lines').count().execute()"
    )
    write_notebook(loaded, 1, "counts", COUNTS, kill)
    done = crm(loaded, "run", "tiny")
    assert done.returncode == 5, done.stderr + done.stdout
    assert "The connection to Spark (engine.remote) was lost." in done.stderr
    assert (loaded / "reports" / "tiny" / "latest" / "index.html").read_bytes() == before
