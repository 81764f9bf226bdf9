"""Which list is sent, and how: one list a day, and every line that the page shows is a command that works."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crm_utils.errors import DataError
from crm_utils.people import key_map
from crm_utils.reports.pages.today import cards, sending
from crm_utils.study.scenarios import lists_taken

TABLE = {"columns": ["customer_id", "holdout"], "rows": 3, "files": ["a.csv"]}


def manifest(status: str = "passed", **more: Any) -> dict[str, Any]:
    notebooks = [{"name": "churn", "status": "passed"}, {"name": "campaign_targeting", "status": status}]
    return {
        "study": "shop", "as_of": "2025-12-31", "run_id": "r", "status": "passed", "currency": "USD",
        "notebooks": notebooks, "lists_taken": ["churn_contacts"], **more,
    }  # fmt: skip


def test_a_list_that_a_scenario_takes_goes_out_with_the_contact_list() -> None:
    way = sending(manifest(), "churn_contacts", TABLE)
    assert way == {"command": "", "says": "It goes out with contact_list: do not send it as well."}
    assert sending(manifest(), "contact_list", TABLE)["command"] == "crm export shop 2025-12-31 contact_list"
    assert sending(manifest(), "second_purchase", TABLE)["command"].endswith("second_purchase")


@pytest.mark.parametrize("status", ["cannot", "skipped", "failed"])
def test_without_a_contact_list_it_is_sent_by_itself(status: str) -> None:
    assert sending(manifest(status), "churn_contacts", TABLE)["command"].endswith("churn_contacts")


def test_what_is_sent_today_comes_first() -> None:
    plain = {
        "verb": "Send", "audience": "customers", "customers": 3, "why": "", "offer": "", "channel": "",
        "gain": None, "low": None, "high": None, "horizon_days": None, "certainty": "unknown", "held_out": 0,
        "avoid": False, "anchor": "a",
    }  # fmt: skip
    rich = {"gain": 9.0, "low": 1.0, "high": 20.0, "horizon_days": 28}
    results = {
        "churn": {
            "actions": [plain | rich | {"list": "churn_contacts"}],
            "tables": {"churn_contacts": TABLE},
        },
        "campaign_targeting": {
            "actions": [plain | {"list": "contact_list"}],
            "tables": {"contact_list": TABLE},
        },
    }
    do, _avoid = cards(manifest(), results, list(results))
    assert [card["list"] for card in do] == ["contact_list"]  # churn_contacts go out with it
    do, _avoid = cards(manifest(), results, ["churn"], own_page=True)
    assert [card["send"]["says"] for card in do] == ["It goes out with contact_list: do not send it as well."]
    do, _avoid = cards(manifest("cannot"), results, ["churn"])
    assert [card["list"] for card in do] == ["churn_contacts"]
    do, _avoid = cards(manifest() | {"lists_taken": []}, results, list(results))
    assert [card["list"] for card in do] == ["contact_list", "churn_contacts"]


def test_the_shipped_scenarios_take_every_list_of_customers(tmp_path: Path) -> None:
    assert lists_taken(tmp_path, "any") == [
        "champions", "churn_contacts", "next_best_offers", "second_purchase"
    ]  # fmt: skip


def test_a_list_with_the_shops_own_ids_is_exported_without_a_key_map(tmp_path: Path) -> None:
    path = tmp_path / "contact_list.parquet"
    pd.DataFrame({"customer_id": ["a", "b", "c"], "holdout": [False, True, False]}).to_parquet(path)
    (tmp_path / "private").mkdir(mode=0o700)
    with pytest.raises(DataError, match="no key map"):
        key_map.export(tmp_path, "shop", "s1", path)
    done = key_map.export(tmp_path, "shop", "s1", path, own_ids=True)
    assert (done.rows, done.matched, done.held_out) == (2, 2, 1)
    with done.path.open(encoding="utf-8-sig") as file:
        assert [row["customer_id"] for row in csv.DictReader(file)] == ["a", "c"]
