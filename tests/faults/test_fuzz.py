"""Faults of a study, files and names, drawn at random: each ends in one sentence, never in a traceback.

``CRM_FUZZ`` sets how many examples each test tries (60 in all when left out).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from crm_utils.command.cli import app

TRIES = int(os.environ.get("CRM_FUZZ", "20"))
bounded = settings(
    max_examples=TRIES,
    deadline=None,
    derandomize="CRM_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
STUDY = """\
title: Fuzz
timezone: Asia/Seoul
currency: KRW
history_starts: 2024-01-01
source:
  kind: files
  folder: raw
  tables:
    order_lines:
      files: "orders.*"
      columns: {order_id: Invoice, customer_id: Customer, product_id: Item,
                ordered_at: Date, quantity: Qty, amount: Amount}
"""
ROWS = b"Invoice,Customer,Item,Date,Qty,Amount\n" + b"".join(
    b"%d,c%d,A,2024-02-%02d,1,3.50\n" % (n, n % 3, n + 1) for n in range(20)
)
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=40)


@st.composite
def changed(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with a piece of it taken out, doubled, or replaced by any bytes."""
    start = draw(st.integers(0, len(content)))
    end = min(len(content), start + draw(st.integers(0, 30)))
    middle = draw(
        st.one_of(st.binary(max_size=12), st.text(max_size=6).map(lambda t: t.encode("utf-8", "replace")))
    )
    return content[:start] + draw(st.sampled_from((middle, content[start:end] * 2, b""))) + content[end:]


def ends_in_a_sentence(root: Path, *arguments: str) -> int:
    before = Path.cwd()
    os.chdir(root)
    try:
        ended = CliRunner().invoke(app, list(arguments))
    finally:
        os.chdir(before)
    assert ended.exit_code in (0, 2, 3, 5), ended.output[-2_000:]
    assert "Traceback" not in ended.output
    return ended.exit_code


def put(root: Path, *, study: bytes = STUDY.encode(), rows: bytes = ROWS, name: str = "orders.csv") -> Path:
    for folder in ("studies", "raw", "notebooks"):
        (root / folder).mkdir(exist_ok=True)
    (root / "studies" / "fuzz.yaml").write_bytes(study)
    (root / "raw" / name).write_bytes(rows)
    return root


def test_what_is_changed_loads(tmp_path: Path) -> None:
    assert ends_in_a_sentence(put(tmp_path), "check", "fuzz") == 0


@bounded
@given(changed(STUDY.encode()))
def test_any_study(study: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        ends_in_a_sentence(put(Path(place), study=study), "check", "fuzz")


@bounded
@given(changed(ROWS), st.one_of(st.just("orders.csv"), NAMES.map(lambda n: f"orders.{n[:20]}.csv")))
def test_any_file(rows: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        ends_in_a_sentence(put(Path(place), rows=rows, name=name), "load-data", "fuzz")


@bounded
@given(st.data())
def test_any_manifest(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = put(Path(place))
        assert ends_in_a_sentence(root, "load-data", "fuzz") == 0
        manifest = next((root / "data").rglob("snapshot.json"))
        manifest.write_bytes(data.draw(changed(manifest.read_bytes())))
        ends_in_a_sentence(root, "load-data", "fuzz")
