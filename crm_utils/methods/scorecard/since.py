"""What is not as the last run said? New weeks, weeks that newer data changed, numbers defined anew.

The scorecard's page and ``crm diff`` both call :func:`compare_runs`, so that they cannot disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

__all__ = ["Since", "compare_runs", "compare_with"]

_ALIKE = 1e-9  # relative: sums are exact, their ratios differ by rounding alone


@dataclass(frozen=True)
class Since:
    """How two runs' weekly numbers differ.

    Attributes
    ----------
    changes
        A row a change: ``measure``, ``unit``, ``week`` (its Monday), ``before``, ``after``, and ``kind``:
        ``value`` (the newest week of each run, where that is another week), ``restated`` (the same week of
        the same definition, from newer data), ``definition`` (the same week, defined otherwise),
        ``new`` and ``gone`` (measures that one run lacks).
    """

    changes: pd.DataFrame

    def of_kind(self, kind: str) -> pd.DataFrame:
        """The changes of one kind."""
        return self.changes[self.changes["kind"] == kind].reset_index(drop=True)

    @property
    def restated(self) -> pd.DataFrame:
        """Weeks that newer data changed, the largest relative change first."""
        rows = self.of_kind("restated")
        size = ((rows["after"] - rows["before"]).abs() / rows["before"].abs()).fillna(math.inf)
        return rows.assign(size=size).sort_values(["size", "measure", "week"], ascending=[False, True, True])


def compare_runs(before: pd.DataFrame, after: pd.DataFrame) -> Since:
    """Compare what two runs say of weeks.

    Parameters
    ----------
    before, after
        Their tables ``kpis``: ``measure``, ``unit``, ``definition``, ``week``, ``value``. A table of an older
        form without definitions is taken to have defined its measures as today.

    Returns
    -------
    Since

    Examples
    --------
    >>> week = {"measure": "orders", "unit": "orders", "definition": "orders", "week": "2024-01-01"}
    >>> compare_runs(pd.DataFrame([week | {"value": 5.0}]), pd.DataFrame([week | {"value": 4.0}])).restated[
    ...     ["before", "after"]
    ... ].to_numpy().tolist()
    [[5.0, 4.0]]
    """
    now = dict(list(after.groupby("measure", sort=False)))
    was = dict(list(before.groupby("measure", sort=False)))
    rows: list[dict[str, object]] = []
    for measure in [*now, *(name for name in was if name not in now)]:
        if measure not in was or measure not in now:
            rows.append(_alone(str(measure), was.get(measure), now.get(measure)))
            continue
        rows += _of_measure(str(measure), was[measure], now[measure])
    columns = ["measure", "unit", "week", "before", "after", "kind"]
    return Since(pd.DataFrame(rows, columns=columns).astype({"before": float, "after": float}))


def compare_with(before: pd.DataFrame | None, after: pd.DataFrame) -> Since | None:
    """:func:`compare_runs`, or None where there is no earlier run."""
    return None if before is None else compare_runs(before, after)


def _alone(measure: str, old: pd.DataFrame | None, new: pd.DataFrame | None) -> dict[str, object]:
    """A measure that one of the runs lacks."""
    last = (old if new is None else new).iloc[-1]  # type: ignore[union-attr]
    ends = (math.nan, last["value"]) if old is None else (last["value"], math.nan)
    return {"measure": measure, "unit": last.get("unit", ""), "week": last["week"], "before": ends[0],
            "after": ends[1], "kind": "new" if old is None else "gone"}  # fmt: skip


def _of_measure(measure: str, old: pd.DataFrame, new: pd.DataFrame) -> list[dict[str, object]]:
    unit = new["unit"].iloc[-1] if "unit" in new else ""
    both = old[["week", "value"]].merge(new[["week", "value"]], on="week", suffixes=("_old", "_new"))
    rows: list[dict[str, object]] = []
    written = [one["definition"].iloc[-1] for one in (old, new) if "definition" in one]
    redefined = len(set(written)) > 1
    moved = [
        row for row in both.itertuples(index=False)
        if not _alike(float(row.value_old), float(row.value_new))  # type: ignore[arg-type]
    ]  # fmt: skip
    if redefined:
        moved = list(both.iloc[-1:].itertuples(index=False))
    kind = "definition" if redefined else "restated"
    rows += [
        {"measure": measure, "unit": unit, "week": row.week, "before": row.value_old, "after": row.value_new,
         "kind": kind}
        for row in moved
    ]  # fmt: skip
    last_old, last_new = old.iloc[-1], new.iloc[-1]
    if last_old["week"] != last_new["week"] and not redefined:
        rows.append(
            {"measure": measure, "unit": unit, "week": last_new["week"], "before": last_old["value"],
             "after": last_new["value"], "kind": "value"}
        )  # fmt: skip
    return rows


def _alike(old: float, new: float) -> bool:
    """Whether a week is as it was; one that could not be told before is news, and no restatement."""
    if math.isnan(old):
        return True
    return not math.isnan(new) and math.isclose(old, new, rel_tol=_ALIKE, abs_tol=_ALIKE)
