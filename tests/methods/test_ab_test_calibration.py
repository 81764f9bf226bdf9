"""The simulation behind ``nox -s calibrate``, at a small size: rates within their Monte-Carlo error."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from scipy.stats import binom
from tiny import ROOT


@pytest.fixture(scope="module")
def calibrate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibrate", ROOT / "benchmarks" / "calibrate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrate"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.simulated
def test_promises_are_kept_where_assumptions_hold(calibrate: ModuleType) -> None:
    """At this size 2.6 errors would fail one run in seven by chance; a row may miss once in 20,000 here."""
    rates = calibrate.rates(60, 3)
    required = [rate for rate in rates if rate.required != "nothing"]
    assert (len(rates), len(required)) == (29, 16)
    for rate in required:
        hits = round(rate.measured * rate.replicates)
        assert binom.sf(hits - 1, rate.replicates, rate.promised) > 5e-5, rate.what
        assert rate.required == "above" or binom.cdf(hits, rate.replicates, rate.promised) > 5e-5, rate.what
    text = calibrate.page(rates)
    assert text.count("| reported |") == 13
    assert text.count("| yes |") + text.count("| **no** |") == 16


def test_a_broken_promise_is_seen(calibrate: ModuleType) -> None:
    """Peeking without a correction: the row for comparison, were it required."""
    naive = next(r for r in calibrate.peeking(60, 3, most=4_000) if r.what.startswith("For comparison"))
    assert naive.measured > 0.1
    broken = calibrate.Rate(naive.what, naive.promised, naive.measured, naive.replicates, "above")
    assert not broken.held
    assert "**no**" in calibrate.page([broken])


def test_the_capped_mean_is_what_simulation_says(calibrate: ModuleType) -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    values = calibrate.CAPPED.draw(rng, 400_000).astype(float)
    assert values.mean() == pytest.approx(0.1 * calibrate.MEAN_CAPPED, rel=0.02)  # 3 standard errors


def test_decisions_rows_hold_at_a_small_size(calibrate: ModuleType) -> None:
    """Placebos, lists and types: what is required of each row, for a chance in 20,000 as above."""
    rows = [*calibrate._placebos(80, 5), *calibrate._lists(2, 5)]
    assert [rate.required for rate in rows] == ["nothing", "below", "above", "above", "nothing", "nothing"]
    for rate in rows:
        hits = round(rate.measured * rate.replicates)
        assert rate.required != "below" or binom.cdf(hits, rate.replicates, rate.promised) > 5e-5, rate.what
        assert rate.required != "above" or binom.sf(hits - 1, rate.replicates, rate.promised) > 5e-5
    text = calibrate.decided(rows)
    assert "there is a list" in text
    assert "widened by the placebo's furthest end" in text
