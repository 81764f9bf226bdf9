"""Pictures of experiments say their message, draw uncertainty, and leave nothing out."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from crm_utils import wording
from crm_utils.plots import ab_test as draw
from crm_utils.plots.theme import COLORS


def labels(axis: object) -> list[str]:
    return [t.get_text() for t in axis.get_ticklabels()]  # type: ignore[attr-defined]


def colors(ax: object) -> list[str]:
    return [line.get_color() for line in ax.get_lines()]  # type: ignore[attr-defined]


def number(value: float | None) -> str:
    return wording.number(value, 2)


ENDS = pd.DataFrame({"effect": [1.0, -1, 0], "low": [0.5, -2, -1], "high": [2.0, -0.5, 1]})


def test_colours_say_good_bad_and_undecided_by_what_is_better() -> None:
    rows = pd.DataFrame({"metric": ["orders", "returned", "revenue", "constant"], "arm": "sms",
                         "relative": [0.1, 0.1, 0.1, None], "relative_low": [0.05, 0.05, -0.1, None],
                         "relative_high": [0.2, 0.2, 0.3, None]})  # fmt: skip
    ax = draw.effect_intervals(rows, lower_is_better=["returned"], title="t")
    assert labels(ax.yaxis) == ["revenue", "returned", "orders"]
    assert colors(ax)[:3] == [COLORS["plain"], COLORS["loss"], COLORS["gain"]]
    several = pd.concat([rows, rows.assign(arm="mail")])
    assert "orders · mail" in labels(draw.effect_intervals(several, title="t").yaxis)


def test_segments_and_campaigns_stand_beside_the_whole() -> None:
    rows = ENDS.assign(segment=["a", "b", "서울"], n_control=[10, 20, 700], n_arm=[10, 20, 800])
    ax = draw.segment_effects(rows, how=number, unit="orders", overall=0.4, title="t")
    assert labels(ax.yaxis) == ["서울 (1,500)", "b (40)", "a (20)"]
    assert "orders" in ax.get_xlabel()
    many = pd.concat([ENDS] * 20, ignore_index=True).assign(name=[f"C {k}" for k in range(60)])
    ax = draw.campaign_effects(many, pooled=(0.2, 0.1, 0.3), how=number, unit="USD", title="t")
    assert len(labels(ax.yaxis)) == draw.MOST_ROWS


def test_placebos_that_failed_are_marked() -> None:
    rows = pd.DataFrame({"name": ["A", "B", "C"], "placebo": [-3.0, 0.1, None],
                         "placebo_low": [-5.0, -1, None], "placebo_high": [-1.0, 1, None]})  # fmt: skip
    ax = draw.placebo_intervals(rows, how=number, unit="USD", title="t")
    assert labels(ax.yaxis) == ["B", "A"]
    assert set(colors(ax)) == {COLORS["loss"], COLORS["plain"]}


def test_a_band_for_all_looks_is_around_that_of_one() -> None:
    days = [dt.date(2025, 11, day) for day in range(10, 16)]
    width = np.linspace(1, 0.3, 6)
    path = pd.DataFrame({"day": days, "effect": 0.5, "low": 0.5 - width, "high": 0.5 + width,
                         "always_low": 0.5 - 2 * width, "always_high": 0.5 + 2 * width})  # fmt: skip
    looks = pd.DataFrame({"day": days[2:3]})
    ax = draw.sequential_band(path, how=number, unit="orders", looks=looks, title="t")
    said = [t.get_text() for t in ax.get_legend().get_texts()]
    assert said == ["holds at all looks (95 %)", "holds at one look (95 %)", "effect so far", "planned look"]


def test_the_other_pictures_say_their_message_and_units() -> None:
    share = np.linspace(0, 1, 11)
    gain = share**0.5
    curve = pd.DataFrame(
        {"share": share, "gain": gain, "low": gain - 0.1, "high": gain + 0.1, "random": share}
    )
    weeks = pd.DataFrame({"arm": ["sms"] * 2 + ["mail"] * 2, "week": [1, 2] * 2, "effect": [0.1, 0.0] * 2,
                          "low": [0.0, -0.1] * 2, "high": [0.2, 0.1] * 2})  # fmt: skip
    needed = pd.DataFrame({"metric": ["orders"] * 2, "lift": [0.05, 0.1], "customers": [40_000, 10_000]})
    rates = pd.DataFrame({"metric": ["orders"], "rate": [0.05], "low": [0.03], "high": [0.07]})
    drawn = [
        draw.qini_curve(curve, how=number, unit="KRW", title="t"),
        draw.weekly_effects(weeks, how=number, unit="orders", title="t"),
        draw.size_curve(needed, available=9_000, title="t", names=str),
        draw.aa_rates(rates, alpha=0.05, title="t"),
    ]
    assert [ax.get_title(loc="left") for ax in drawn] == ["t"] * 4
    assert all(ax.get_xlabel() for ax in drawn)


def test_a_segment_that_is_harmed_is_not_drawn_as_gain() -> None:
    rows = pd.DataFrame(
        {"segment": ["a"], "effect": [0.3], "low": [0.1], "high": [0.5], "n_control": [9], "n_arm": [9]}
    )
    drawn = {
        sign: draw.segment_effects(
            rows, how=number, unit="returns", overall=0.3, sign=sign, level="90 %", title="t"
        )
        for sign in (1, -1)
    }
    marks = {sign: ax.lines[0].get_color() for sign, ax in drawn.items()}
    assert (marks[1], marks[-1]) == (COLORS["gain"], COLORS["loss"])
    assert "90 % interval" in drawn[1].get_xlabel()


def test_nothing_is_drawn_where_there_is_nothing() -> None:
    empty = pd.DataFrame()
    assert draw.size_curve(empty, available=0, title="t", names=str) is None
    assert draw.aa_rates(pd.DataFrame(columns=["rate", "low", "high", "metric"]), title="t") is None
    assert draw.placebo_intervals(empty, how=number, unit="USD", title="t") is None
    assert draw.chosen_effects(None, names=str, level="95 %", title="t") is None
    assert draw.chosen_sequence(None, how=number, unit="orders", level="95 %", title="t") is None
    assert draw.chosen_segments(None, how=number, unit="orders", level="95 %") is None
    assert draw.chosen_weeks(None) is None
    assert draw.qini_curves({"sms": None}, how=number, unit="USD") is None
