"""A load that breaks a study's limits is stopped with one sentence, and what was loaded before stays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from tiny import TINY

from crm_utils import loading, snapshots
from crm_utils.errors import DataError, StudyError
from crm_utils.study import read_study
from crm_utils.study.limits import Quality, hold_to

TODAY = dt.date(2024, 3, 1)


def rows(loaded: int = 100, quarantined: int = 0, **filled: int) -> dict[str, dict[str, object]]:
    counts = {"read": loaded + quarantined, "loaded": loaded, "quarantined": quarantined}
    return {"order_lines": counts | {"filled": {"amount": loaded} | filled}}


@pytest.mark.parametrize(
    ("limit", "now", "said"),
    [
        ({"set_aside_at_most": 0.01}, rows(98, 2), "2 of 100 rows of order_lines would be set aside"),
        ({"fewer_rows_at_most": 0.1}, rows(80), "order_lines has 80 rows, after 100 in the load before"),
        ({"more_rows_at_most": 0.5}, rows(151), "order_lines has 151 rows, after 100 in the load before"),
        ({"columns_stay": True}, rows(100, discount=0), "order_lines has no more values in discount"),
        ({"columns_stay": True}, {}, "order_lines has no more values in amount, discount"),
        ({"age_at_most_days": 1}, rows(), "the newest order is of 2024-02-28, 2 days ago"),
    ],
)
def test_a_broken_limit_stops(limit: dict[str, object], now: dict[str, dict[str, object]], said: str) -> None:
    before = rows(100, discount=7)
    dates = {"last_day": dt.date(2024, 2, 28), "today": TODAY}
    with pytest.raises(DataError) as error:
        hold_to(Quality.model_validate(limit), now, before, **dates)
    assert said in str(error.value)
    assert f"({next(iter(limit))}" in str(error.value)
    hold_to(Quality(), now, before, **dates)


def test_at_the_limit_is_within_it() -> None:
    quality = Quality(set_aside_at_most=0.02, fewer_rows_at_most=0.1, more_rows_at_most=1, age_at_most_days=2)
    dates = {"last_day": dt.date(2024, 2, 28), "today": TODAY}
    hold_to(quality, rows(98, 2), rows(108), **dates)
    hold_to(quality, rows(200), rows(100), **dates)
    hold_to(quality, rows(100), None, **dates)


def test_a_stopped_load_leaves_the_snapshot_in_use(project: Path) -> None:
    study = project / "studies" / "tiny.yaml"
    study.write_text(TINY + "quality: {fewer_rows_at_most: 0.2, columns_stay: true}\n", encoding="utf-8")
    before, _ = loading.load(project, read_study(project, "tiny"))
    assert before.manifest["tables"]["order_lines"]["filled"]["amount"] > 0
    assert before.manifest["tables"]["products"]["filled"]["unit_price"] == 0
    path = project / "raw" / "transactions.parquet"
    frame = pd.read_parquet(path)
    frame.iloc[: len(frame) // 2].to_parquet(path, index=False)
    with pytest.raises(
        DataError, match=r"Not loaded, the data break .* in the load before \(fewer_rows_at_most"
    ):
        loading.load(project, read_study(project, "tiny"))
    current = snapshots.current(project, "tiny")
    assert current is not None
    assert current.id == before.id
    assert [p.name for p in before.folder.parent.iterdir() if p.name.startswith(".")] == []
    study.write_text(TINY + "quality: {set_aside_at_most: 2}\n", encoding="utf-8")
    with pytest.raises(StudyError, match="line 7: quality.set_aside_at_most"):
        read_study(project, "tiny")
