from __future__ import annotations

import json
from pathlib import Path

import pytest
from notebook_maker import write_notebook

from crm_utils.errors import RunError
from crm_utils.runner import resume
from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request

SEGMENTS = (
    'run.save("segments", run.table("customers").select("customer_id", "age"))\nrun.record("seed", seed)'
)
OFFERS = 'run.save("offers", run.load("segments"))'


def executed(root: Path, **request: object) -> list[str]:
    """Run with --resume; the notebooks that were executed again."""
    events = []
    run_study(root, Request("tiny", resume=True, **request), tell=lambda event, f: events.append((event, f)))
    return [f["name"] for event, f in events if event == "notebook" and not f["taken_from"]]


@pytest.mark.slow
def test_only_what_failed_or_changed_runs_again(loaded: Path) -> None:
    write_notebook(loaded, 1, "segmentation", SEGMENTS, parameters="seed: int = 1  # any\n")
    write_notebook(loaded, 2, "offers", OFFERS, "1 / 0")
    with pytest.raises(RunError, match="02_offers.ipynb, cell"):
        run_study(loaded, Request("tiny"))
    write_notebook(loaded, 2, "offers", OFFERS)
    assert executed(loaded) == ["offers"]
    assert executed(loaded) == []
    report = loaded / "reports" / "tiny" / "latest"
    before = {p.name: p.read_bytes() for p in (report / "tables").iterdir()}
    # Another seed is another result, but the table that offers builds on is the same.
    assert executed(loaded, parameters={"segmentation": {"seed": 2}}) == ["segmentation"]
    assert {p.name: p.read_bytes() for p in (report / "tables").iterdir()} == before
    assert (report / "offers.html").is_file()
    # What was damaged since is not taken; other days are other results.
    for table in (loaded / "reports" / "tiny" / ".runs").glob("*/tables/offers.parquet"):
        table.write_bytes(table.read_bytes()[:-1])
    assert executed(loaded) == ["offers"]
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert [bool(n.get("taken_from")) for n in manifest["notebooks"]] == [True, False]


def test_a_key_changes_with_all_that_results_depend_on(tmp_path: Path) -> None:
    source, table = tmp_path / "n.ipynb", tmp_path / "t.parquet"

    def key(
        notebook: str = "n", given: int = 1, snapshot: str = "s", code: str = "c", versions: str = "3",
        study: str = "USD", content: str = "t",
    ) -> str:  # fmt: skip
        source.write_text(notebook)
        table.write_text(content)
        manifest = {"snapshot": {"id": snapshot}, "code": code, "versions": {"pandas": versions}}
        return resume.key(
            source, {"top_k": given}, manifest=manifest, study={"currency": study}, uses=[table]
        )

    others = [{"notebook": "m"}, {"given": 2}, {"snapshot": "r"}, {"code": "d"}, {"versions": "4"},
              {"study": "EUR"}, {"content": "u"}]  # fmt: skip
    keys = {key(), *(key(**other) for other in others)}
    assert len(keys) == 1 + len(others)
    assert key() == key()
