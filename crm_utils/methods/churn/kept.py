"""What share does a contact keep? Measured where a list was compared with those held out of it, else assumed.

The A/B page judges every list by intention to treat and saves ``contact_effects``. The share measured on this
list, over this horizon, replaces the assumed one as soon as it says more than the assumption does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import ibis.expr.types as ir

from crm_utils.features.statistics import Number
from crm_utils.methods.churn.profit import Stakes

__all__ = ["ASSUMED", "SCENARIO", "ShareKept", "share_kept"]

SCENARIO = "churn_contact"
"""Of the decision who is held out; lists and experiments speak of it by this name."""

ASSUMED = (0.5, 1.0, 1.5)
"""What an assumed effect or take rate is multiplied with, to see what the plan brings if it is wrong."""

_ALL = "all"
"""Of all lists together, as ``contact_effects`` calls them."""

Status = Literal["none", "waiting", "other_horizon", "too_wide", "measured"]


@dataclass(frozen=True)
class ShareKept:
    """The share that a contact keeps: what is known of it, and what the plan counts with.

    Attributes
    ----------
    status
        ``none`` (no list held anybody out), ``waiting`` (no horizon is over), ``other_horizon`` (judged over
        other days), ``too_wide`` (its interval holds the assumed share and is wider than what is tried of
        it), ``measured`` (it replaces the assumption).
    stakes
        What the plan counts with.
    times
        What the share is multiplied with to see what the plan brings if it is wrong: the ends of the interval
        where it was measured, :data:`ASSUMED` elsewhere.
    assumed
        The share that was assumed.
    share, low, high
        The share that was measured, with its 95 % interval; missing where there is none.
    sent, held_out
        Customers compared.
    days
        Days from the message in which an order counted.
    others
        The share that all lists together kept over the same horizon, with its interval: of other customers,
        so it is shown and never used.
    """

    status: Status
    stakes: Stakes
    times: tuple[float, ...]
    assumed: float
    share: float | None = None
    low: float | None = None
    high: float | None = None
    sent: int = 0
    held_out: int = 0
    days: int = 0
    others: tuple[float, float, float] | None = None

    @property
    def measured(self) -> bool:
        """Whether the plan counts with a measured share."""
        return self.status == "measured"

    def numbers(self) -> list[Number]:
        """As a run records them: the share that the plan counts with, with its interval where measured."""
        used = self.stakes.save_rate
        if not self.measured or self.low is None or self.high is None:
            return [Number("contact.share_kept", used, "share")]
        return [Number("contact.share_kept", used, "share", min(self.low, used), max(self.high, used))]


def share_kept(effects: ir.Table | None, stakes: Stakes) -> ShareKept:
    """Take the share kept from past lists where it was measured.

    Parameters
    ----------
    effects
        ``contact_effects`` of the A/B page, or None: ``scenario``, ``customers``, ``held_out``,
        ``share_kept``, ``low``, ``high``, ``horizon_days``.
    stakes
        What is assumed; ``value_days`` is the horizon.

    Notes
    -----
    Only this list's own comparison counts: another list has other customers. It replaces the assumption
    where the assumed share lies outside its interval, or where the interval is no wider than the range that
    is tried of the assumption (half of it to half as much again). A share below 0 counts as 0. The share of
    a reminder changes in proportion.
    """
    row, others = _row(effects, SCENARIO), _others(effects, stakes)
    if row is None:
        return ShareKept("none", stakes, ASSUMED, stakes.save_rate, others=others)
    known: dict[str, Any] = {
        "sent": int(row["customers"]), "held_out": int(row["held_out"]), "days": int(row["horizon_days"]),
        "others": others,
    }  # fmt: skip
    share, low, high = (_number(row[name]) for name in ("share_kept", "low", "high"))
    if share is None or low is None or high is None:
        return ShareKept("waiting", stakes, ASSUMED, stakes.save_rate, **known)
    seen = {"share": share, "low": low, "high": high} | known
    if known["days"] != stakes.value_days:
        return ShareKept("other_horizon", stakes, ASSUMED, stakes.save_rate, **seen)
    assumed = stakes.save_rate
    if low <= assumed <= high and high - low > (ASSUMED[-1] - ASSUMED[0]) * assumed:
        return ShareKept("too_wide", stakes, ASSUMED, assumed, **seen)
    used = min(max(share, 0.0), 1.0)
    changed = stakes.with_share(used)
    times = ASSUMED if not used else (max(low, 0.0) / used, 1.0, max(high / used, 1.0))
    return ShareKept("measured", changed, times, assumed, **seen)


def _others(effects: ir.Table | None, stakes: Stakes) -> tuple[float, float, float] | None:
    row = _row(effects, _ALL)
    if row is None or int(row["horizon_days"]) != stakes.value_days:
        return None
    share, low, high = (_number(row[name]) for name in ("share_kept", "low", "high"))
    return None if share is None or low is None or high is None else (share, low, high)


def _row(effects: ir.Table | None, scenario: str) -> dict[str, Any] | None:
    if effects is None or "horizon_days" not in effects.columns:
        return None
    rows = effects.filter(effects.scenario == scenario).to_pyarrow().to_pylist()
    return rows[0] if rows else None


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
