"""Pictures of journeys draw what they are given, and nothing where there is nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_utils.features.survival import kaplan_meier
from crm_utils.methods.customer_journey import Funnel, Ways, describe_step
from crm_utils.plots import customer_journey as draw

LABELS = {
    "x": "orders", "y": "share", "lift": "lift", "last_non_direct": "last", "markov": "Markov", "click_7":
    "click",
    "customer": "customers", "session": "visits", "delay": "delays", "cart_left": "cart left",
}  # fmt: skip


def test_the_lift_has_an_interval_and_what_is_not_verified_has_none():
    rows = pd.DataFrame({
        "name": ["A/A", "k1", "k2: not verified"], "lift": [0.0, 200.0, None], "low": [-9.0, 150.0, None],
        "high": [9.0, 250.0, None], "last_non_direct": [80.0, 300.0, 40.0], "markov": [90.0, 400.0, 50.0],
        "click_7": [10.0, 190.0, None],
    })  # fmt: skip
    ax = draw.credit_plot(rows, labels=LABELS, title="Rules credit what did nothing")
    assert ax is not None
    lines = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
    assert lines["lift"] == [0.0, 200.0]
    assert lines["Markov"] == [90.0, 400.0, 50.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(rows["name"])


def test_funnel_and_times_draw_shares():
    table = pd.DataFrame({
        "by": "session", "step": ["view", "cart"], "reached": [9, 3], "of_entrants": [1.0, 0.3],
        "low": [0.9, 0.2], "high": [1.0, 0.4], "of_previous": [1.0, 0.3],
    })  # fmt: skip
    one = Funnel(table, 9, 0, 9, "session", 0)
    ax = draw.funnel_plot([one], steps={"view": "view", "cart": "cart"}, labels=LABELS, title="Few")
    assert ax is not None
    assert list(ax.lines[0].get_xdata()) == [1.0, 0.3]
    counts = pd.DataFrame({"group": "all", "days": [2.0, 30.0], "event": [1, 1], "customers": [10, 10]})
    step = describe_step(counts, "cart", "purchase", horizon_days=28)
    assert step is not None
    ax = draw.times_plot({"cart_left": step}, labels=LABELS, title="Soon")
    assert ax is not None
    shares = dict(zip(ax.lines[0].get_xdata(), ax.lines[0].get_ydata(), strict=True))
    assert (shares[1], shares[24], shares[48]) == pytest.approx((0, 0.5, 1))
    assert kaplan_meier(counts, fewest=1).at("all", 24) == pytest.approx(0.5)


def test_without_events_nothing_is_drawn():
    none = pd.DataFrame(columns=["source", "target", "visits"])
    assert draw.funnel_plot([], steps={}, labels=LABELS, title="") is None
    assert draw.times_plot({}, labels=LABELS, title="") is None
    assert draw.flow(Ways(None, none, none), steps={}, title="") is None
    assert draw.second_plot(None, title="") is None
    assert draw.credit_plot(pd.DataFrame(columns=["name"]), labels=LABELS, title="") is None
