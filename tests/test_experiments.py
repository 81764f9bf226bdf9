"""Declarations: whole, consistent, refused with a sentence that a person can act on, and fingerprinted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from ab_shop import DECLARED, declare
from pydantic import ValidationError
from tiny import TINY

from crm_utils.errors import StudyError
from crm_utils.experiments import CATALOGUE, Metric
from crm_utils.study import read_study


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arms": {"control": 1}}, "one arm compares with nothing"),
        ({"arms": {"control": 1, "coupon": 0}}, "one arm compares with nothing"),
        ({"control": "contrl"}, "'contrl' is not one of the open arms. Did you mean 'control'?"),
        ({"arms": {"control": 1, "coupon": -1}}, "greater than or equal to 0"),
        ({"primary": "conversoin"}, "no metric 'conversoin'. Did you mean 'conversion'?"),
        ({"primary": {"name": "x", "kind": "mean", "of": "sales"}}, "no outcome 'sales'"),
        ({"primary": {"name": "x", "kind": "ratio", "of": "amount"}}, "'per' belongs to a ratio"),
        ({"primary": {"name": "x", "kind": "mean", "of": "amount", "q": 0.5}}, "'q' belongs to a quantile"),
        (
            {"primary": {"name": "x", "kind": "conversion", "of": "orders", "cap": 3}},
            "'cap' belongs to a mean",
        ),
        ({"looks": ["2025-10-01"]}, "planned looks need 'customers'"),
        ({"looks": ["2025-10-01", "2025-09-30"], "customers": 10}, "each later than the one before"),
        ({"ends_on": "2025-09-01"}, "it ends on 2025-09-01, before it starts"),
        ({"starts_on": "2025-02-30"}, "not a day; write YYYY-MM-DD"),
        ({"metrics": ["orders"]}, "a metric stands twice"),
        ({"trigger": {}}, "either an event or a campaign"),
        ({"campaigns": {"cupon": "k1"}}, "no arm 'cupon'. Did you mean 'coupon'?"),
        ({"primary": {"name": "p90", "kind": "quantile", "of": "amount", "q": 0.9}}, "p90 is a quantile"),
        (
            {
                "guardrails": [
                    {"metric": {"name": "p90", "kind": "quantile", "of": "amount", "q": 0.9}, "margin": 1}
                ]
            },
            "p90 is a quantile, which decides nothing",
        ),
        ({"horizon_days": 0}, "greater than 0"),
        ({"alpha": 0.5}, "less than 0.5"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        declare(**change)
    assert said in str(error.value)


def test_the_fingerprint_is_of_the_plan_and_not_of_the_order_it_is_written_in() -> None:
    one = declare()
    assert one.fingerprint == type(one)(**dict(reversed(DECLARED.items()))).fingerprint
    changed = [declare(horizon_days=57), declare(alpha=0.1), declare(primary="revenue", metrics=[]),
               declare(guardrails=[{"metric": "unsubscribed", "margin": 0.03}])]  # fmt: skip
    changed += [declare(money_margin=0.05), declare(features=["region"])]
    assert len({one.fingerprint, *(other.fingerprint for other in changed)}) == 7
    # What could be declared only later leaves the fingerprints of older declarations as they were.
    assert declare(money_margin=0.02).fingerprint == one.fingerprint
    welcome = {"id": "coupon", "arms": {"control": 1, "coupon": 1}, "control": "control",
               "starts_on": "2025-09-01", "horizon_days": 28, "primary": "conversion"}  # fmt: skip
    assert type(one)(**welcome).fingerprint.startswith("eaf2d20ef537")


def test_every_word_of_the_catalogue_is_a_metric() -> None:
    assert {Metric(name=name, **fields).name for name, fields in CATALOGUE.items()} == set(CATALOGUE)


def test_a_study_declares_experiments_and_says_the_line_of_what_is_wrong(tmp_path: Any) -> None:
    (tmp_path / "studies").mkdir()
    text = TINY + (
        "experiments:\n  - id: coupon\n    arms: {control: 1, coupon: 1}\n    control: control\n"
        "    starts_on: 2017-09-01\n    horizon_days: 28\n    primary: conversion\n"
    )
    path = tmp_path / "studies" / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    experiment = read_study(tmp_path, "tiny").experiments[0]
    assert (experiment.starts_on, experiment.treatments) == (dt.date(2017, 9, 1), ("coupon",))
    wrong = {
        "    horizn: 3\n": "an experiment has no 'horizn'. Did you mean 'horizon_days'?",
        "    guardrails: [{metric: revenue, margn: 1}]\n": "a guardrail has no 'margn'. Did you mean",
        "    alpha: 2\n": "experiments.0.alpha",
    }
    for more, said in wrong.items():
        path.write_text(text + more, encoding="utf-8")
        with pytest.raises(StudyError, match="line 14") as error:
            read_study(tmp_path, "tiny")
        assert said in str(error.value)
    path.write_text(text + text[text.index("  - id") :], encoding="utf-8")
    with pytest.raises(StudyError, match="an experiment stands twice: coupon, coupon"):
        read_study(tmp_path, "tiny")
