"""What does a message bring? What customers left out of it before have shown, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.types as ir
import pandas as pd

from crm_utils.methods.campaign_targeting.model import Scenario

__all__ = ["judged", "verified", "worth_by_scenario"]


def verified(results: ir.Table | None) -> pd.DataFrame:
    """Scenarios whose effect on money was seen: its interval does not hold 0.

    Parameters
    ----------
    results
        ``scenario_results`` of the page on tests: ``scenario``, ``effect``, ``low``, ``high`` (money a
        customer meant to be written to, less what messages cost). None: nothing was judged.

    Returns
    -------
    pandas.DataFrame
        ``scenario``, ``effect``, ``low``, ``high``, by scenario.
    """
    if results is None:
        return pd.DataFrame({"scenario": pd.Series(dtype="str"), "effect": [], "low": [], "high": []})
    seen = results.filter((results.low > 0) | (results.high < 0)).order_by("scenario")
    frame: pd.DataFrame = seen.select("scenario", "effect", "low", "high").to_pyarrow().to_pandas()
    return frame


def judged(results: ir.Table | None) -> set[str]:
    """Scenarios that have a verdict: customers left out have shown what they do, and fewer need to be.

    Parameters
    ----------
    results
        As for :func:`verified`, with ``decision``: ``send``, ``trim`` and ``stop`` are verdicts, ``test`` and
        ``wait`` are none.
    """
    if results is None:
        return set()
    seen = results.filter(results.decision.isin(["send", "trim", "stop"])).select("scenario")
    return set(seen.to_pyarrow()["scenario"].to_pylist())


def worth_by_scenario(
    rows: pd.DataFrame, scenarios: Sequence[Scenario], results: ir.Table | None
) -> pd.DataFrame:
    """What today's messages of each scenario should bring, and what follows for the scenario.

    Parameters
    ----------
    rows
        The contact list.
    scenarios
        In order.
    results
        As for :func:`verified`, with ``decision``.

    Returns
    -------
    pandas.DataFrame
        ``scenario``, ``messages`` (to send), ``cost``, ``expected``, ``low``, ``high`` (of all of them;
        missing where no effect was verified), ``decision`` (``none`` where nothing was judged).
    """
    sent = rows[~rows["holdout"].astype(bool)]
    by = sent.groupby("scenario").agg(
        messages=("customer_id", "size"), cost=("cost", "sum"),
        expected=("expected_margin", _sum), low=("low", _sum), high=("high", _sum),
    )  # fmt: skip
    decided: dict[str, str] = {}
    if results is not None:
        frame = results.select("scenario", "decision").to_pyarrow().to_pandas()
        decided = dict(zip(frame["scenario"], frame["decision"], strict=True))
    table = by.reindex([scenario.id for scenario in scenarios]).rename_axis("scenario").reset_index()
    table["messages"] = table["messages"].fillna(0).astype("int64")
    table["cost"] = table["cost"].fillna(0.0)
    return table.assign(decision=[decided.get(name, "none") for name in table["scenario"]])


def _sum(values: pd.Series[float]) -> float:
    return float(values.sum(min_count=len(values)))
