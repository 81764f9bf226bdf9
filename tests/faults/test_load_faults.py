"""A load is killed at any moment: the old snapshot is there, or the new one, never a third thing."""

from __future__ import annotations

import gzip
import json
import os
import random
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
from conftest import visible
from faults_project import LOAD_KILLS, moment

from crm_utils import snapshots

LINES = 30_000
STUDY = {
    "title": "Killed",
    "timezone": "Asia/Seoul",
    "currency": "KRW",
    "history_starts": "2024-01-01",
    "source": {
        "kind": "files",
        "folder": "export",
        "tables": {
            "order_lines": {
                "files": "orders.csv.gz",
                "columns": {
                    "order_id": "Order", "customer_id": "Who", "product_id": "Item", "ordered_at": "Date",
                    "quantity": "Qty", "amount": {"expression": "Qty * Price"},
                },
            }
        },
    },
}  # fmt: skip


def write_orders(root: Path, price: int) -> None:
    """Orders that all have one price, some of them broken: a mixture of two loads would show."""
    lines = ["Order,Who,Item,Date,Qty,Price"]
    lines += [f"{n},c{n % 999},p{n % 50},2024-01-{1 + n % 28:02} 10:00,1,{price}" for n in range(LINES)]
    lines[99] = "broken,line"
    lines[199] = lines[199].replace("2024", "x")
    (root / "export" / "orders.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode(), 1))


def price_loaded(root: Path) -> int:
    """The one price of the snapshot in use, after checking that it is whole, to the row."""
    home = root / "data" / "snapshots" / "killed"
    snapshot = snapshots.open_snapshot(home / snapshots.current_id(home), verify=True)
    assert snapshot is not None
    rows = snapshot.manifest["tables"]["order_lines"]
    assert (rows["read"], rows["loaded"], rows["quarantined"]) == (LINES, LINES - 2, 2)
    aside = pq.read_table(snapshot.folder / "quarantine" / "order_lines.parquet")
    assert aside["row"].to_pylist() == [100, 200]
    prices = set(pq.read_table(snapshot.path("order_lines"))["amount"].to_pylist())
    assert len(prices) == 1
    return int(prices.pop())


def test_a_load_is_killed_at_random_moments(loaded: Path, start, crm, outcome) -> None:
    (loaded / "export").mkdir()
    (loaded / "studies" / "killed.yaml").write_text(json.dumps(STUDY))
    write_orders(loaded, 1)
    spilled = loaded / "spilled"
    spilled.mkdir()
    assert crm("load-data", "killed").code == 0
    write_orders(loaded, 2)
    begun = time.monotonic()
    assert crm("load-data", "killed").code == 0
    length, rng, last, came = time.monotonic() - begun, random.Random(7), 2, Counter()
    left = 0
    for price in range(3, 3 + LOAD_KILLS):
        write_orders(loaded, price)
        running = start("load-data", "killed", TMPDIR=str(spilled))
        time.sleep(moment(rng, price, length))
        running.process.kill()
        running.process.join()
        seen = price_loaded(loaded)
        assert seen in (last, price)
        came["the new one" if seen == price else "the old one"] += 1
        begun = time.monotonic()
        left += len(list(spilled.glob("crm-*")))
        assert all(stat.S_IMODE(place.stat().st_mode) == 0o700 for place in spilled.glob("crm-*"))
        ended = crm("load-data", "killed")
        assert ended.code == 0, ended.said
        if seen != price:  # as long as a load takes just now
            length = (length + time.monotonic() - begun) / 2
        last = price_loaded(loaded)
        assert last == price
        assert not list((loaded / "data" / "snapshots" / "killed").glob(".*"))
    # A forked process ends without its farewells: what a real one leaves is seen of a real one.
    command = [sys.executable, "-m", "crm_utils.command.cli", "load-data", "killed"]
    again = subprocess.run(command, cwd=loaded, env=os.environ | {"TMPDIR": str(spilled)}, timeout=120)
    assert again.returncode == 0
    assert not list(spilled.glob("crm-*"))
    what = ", ".join(f"{name} {times} times" for name, times in sorted(came.items()))
    outcome("SIGKILL of a load at a random moment", LOAD_KILLS, f"{what}; the next load is whole")
    outcome("folders that a killed load spilled to", left, "mode 0700; removed by the next load")


ENDLESS = """\
title: Endless
timezone: Asia/Seoul
currency: KRW
history_starts: 2024-01-01
source:
  kind: database
  url: sqlite:///endless.db
  tables:
    order_lines:
      query: >
        WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t)
        SELECT x AS o, 'c' AS c, 'p' AS p, '2024-02-01' AS d, 1 AS q, 1 AS a FROM t {where}
      columns: {{order_id: o, customer_id: c, product_id: p, ordered_at: d, quantity: q, amount: a}}
"""


def test_a_query_that_never_ends_is_stopped(loaded: Path, crm, outcome) -> None:
    """Rows without end, and none at all; of servers see tests/sources."""
    (loaded / "endless.db").touch()
    before = visible(loaded)
    for where, command in (("", "load-data"), ("WHERE x < 0", "run")):
        (loaded / "studies" / "endless.yaml").write_text(ENDLESS.format(where=where))
        begun = time.monotonic()
        ended = crm(command, "endless", "--run-timeout", "4")
        assert (ended.code, time.monotonic() - begun < 4 + 40) == (5, True), ended.said
        assert "Error: Loading took longer than 4 seconds and was stopped; --run-timeout" in ended.said
        assert "Traceback" not in ended.said
        assert crm("load-data", "endless", "--run-timeout", "1").code == 5  # the lock is free
    assert visible(loaded) == before
    outcome("a query that never ends", 4, "exit 5 at the time limit, one sentence, the lock is free")
