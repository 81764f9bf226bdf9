"""What follows? Ship, stop, go on, or cannot tell; decided by a rule that was written before any data.

1. A sample ratio that stops: no verdict (``none``).
2. A guardrail beyond its margin, the primary worse, or money lost, each with its whole interval: **stop**.
3. The primary better, and money and every guardrail shown to hold their margins: **ship**.
4. Customers whose horizon is not complete, or who may still come: **go on**.
5. Else **cannot tell**: the interval says which effects are still possible.

*Money* is the contribution, or revenue where no margin is known; its margin is declared
(:attr:`~crm_utils.experiments.Experiment.money_margin`). More orders that are not shown to hold the money are
no reason to ship: a coupon brings orders by giving money away.

*Better* and *worse* mean beyond the bound at a planned look; without planned looks, by Holm over arms once
all horizons have passed, and by the confidence sequence before. Until then the intervals of guardrails and
of money are confidence sequences as well: whoever looks every night must not stop by chance some night.
Intervals of several arms share the error rate (Bonferroni).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.experiments import Experiment
from crm_utils.methods.ab_test.effects import COMPARED
from crm_utils.methods.ab_test.validity import SampleRatio

__all__ = ["VERDICTS", "Verdict", "crossings", "decide", "guardrails", "money", "overall"]

VERDICTS = ("ship", "stop", "go on", "cannot tell", "none")


@dataclass(frozen=True)
class Verdict:
    """One arm's verdict.

    Attributes
    ----------
    arm
        The treatment.
    word
        One of :data:`VERDICTS`.
    code
        The reason: ``ratio``, ``guardrail``, ``worse``, ``costs``, ``better``, ``coming``, ``money_open``,
        ``guardrail_open``, ``not_corrected``, ``undecided``, or the ``status`` of the primary metric where
        it could not be compared.
    metrics
        The metrics that the reason is about.
    crossed_on
        The day on which the primary first crossed its bound before the end; None where the end decided.
    """

    arm: str
    word: str
    code: str
    metrics: tuple[str, ...] = ()
    crossed_on: dt.date | None = None


def guardrails(effects: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """See for every guardrail whether the metric is shown to hold its margin, to break it, or neither.

    Parameters
    ----------
    effects
        From :func:`.effects.effects`.
    experiment
        Declares guardrails and margins.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``arm``, ``effect``, ``low``, ``high``, ``margin``, ``state``: ``held`` (the whole
        interval is better than −margin), ``broken`` (the whole interval is worse) or ``open``.
    """
    rows = []
    for guard in experiment.guardrails:
        for row in _of(effects, guard.metric.name).to_dict("records"):
            known = {name: row[name] for name in ("metric", "arm", "effect", "low", "high")}
            rows.append(
                known | {"margin": guard.margin, "state": _state(row, guard.metric.sign, guard.margin)}
            )
    return pd.DataFrame(rows, columns=["metric", "arm", "effect", "low", "high", "margin", "state"])


def money(effects: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """See for every arm whether money is shown to hold its margin, to be lost, or neither (non-inferiority).

    Parameters
    ----------
    effects
        From :func:`.effects.effects`, with ``contribution`` or ``revenue``.
    experiment
        Declares the margin, as a share of the control's mean. Of a control that brings nothing or costs
        money a share is no margin: there the margin is 0.

    Returns
    -------
    pandas.DataFrame
        ``arm``, ``metric``, ``control``, ``effect``, ``low``, ``high``, ``margin`` (money a customer),
        ``state``: ``held`` (the whole interval lies above −margin), ``lost`` (it lies below 0) or ``open``.
    """
    named = [n for n in ("contribution", "revenue") if len(_of(effects, n))]
    rows = []
    for row in _of(effects, named[0]).to_dict("records") if named else ():
        control = 0.0 if row["control"] is None or pd.isna(row["control"]) else float(row["control"])
        margin = experiment.money_margin * max(control, 0.0)
        state = _state(row, 1, margin)
        if row["status"] == COMPARED:
            state = (
                "held" if row["low"] > -margin or row["low"] > 0 else "lost" if row["high"] < 0 else "open"
            )
        known = {name: row[name] for name in ("arm", "metric", "control", "effect", "low", "high")}
        rows.append(known | {"margin": margin, "state": state})
    columns = ["arm", "metric", "control", "effect", "low", "high", "margin", "state"]
    return pd.DataFrame(rows, columns=columns)


def decide(
    effects: pd.DataFrame,
    experiment: Experiment,
    *,
    ratio: SampleRatio,
    complete: bool,
    looks: pd.DataFrame | None = None,
    sequence: pd.DataFrame | None = None,
) -> list[Verdict]:
    """Judge every treatment by the declared rule.

    Parameters
    ----------
    effects
        From :func:`.effects.effects`, with ``contribution`` or ``revenue`` for the money. Their ``low`` and
        ``high`` are those that hold: of :func:`.sequential.at_all_times` while the experiment goes on, and
        shared by the arms.
    experiment
        The declaration.
    ratio
        The sample ratio, which comes first.
    complete
        Whether nobody can come any more and every customer's horizon has passed.
    looks
        From :func:`.looks.planned_looks`, of all arms together: where looks were planned,
        they decide instead of the fixed-horizon test.
    sequence
        From :func:`.sequential.confidence_sequence`, with ``arm``: without planned looks,
        and before every horizon has passed, nothing else may decide.
    """
    early = crossings(experiment, complete, looks, sequence)
    return [_verdict(effects, experiment, arm, ratio, complete, early) for arm in experiment.treatments]


def overall(verdicts: list[Verdict]) -> str:
    """One word for the experiment: ship if any arm ships, then go on, cannot tell, stop; none before all.

    Examples
    --------
    >>> overall([Verdict("sms", "cannot tell", "undecided"), Verdict("alimtalk", "ship", "better")])
    'ship'
    """
    words = {verdict.word for verdict in verdicts}
    order = ("none", "ship", "go on", "cannot tell", "stop")
    return next((word for word in order if word in words), "none")


def crossings(
    experiment: Experiment, complete: bool, looks: pd.DataFrame | None, sequence: pd.DataFrame | None
) -> pd.DataFrame | None:
    """What decides instead of the fixed-horizon test (None: that may): ``arm``, ``day``, ``sign``."""
    if experiment.looks and looks is not None:
        crossed = looks[looks["crossed"].astype(bool)]
        sign = np.sign(crossed["z"].astype(float))
    elif complete:
        return None
    elif sequence is None or sequence.empty:
        return pd.DataFrame({"arm": [], "day": [], "sign": []})
    else:
        crossed = sequence[sequence["decided"].astype(bool)]
        sign = np.sign(crossed["effect"].astype(float))
    return pd.DataFrame({"arm": crossed["arm"], "day": crossed["day"], "sign": sign})


def _verdict(
    effects: pd.DataFrame, experiment: Experiment, arm: str, ratio: SampleRatio, complete: bool,
    early: pd.DataFrame | None,
) -> Verdict:  # fmt: skip
    if ratio.verdict == "stop":
        return Verdict(arm, "none", "ratio")
    own, name = effects[effects["arm"] == arm], experiment.primary.name
    rows = _of(own, name).to_dict("records")
    states, worth = guardrails(own, experiment), money(own, experiment)
    if broken := states[states["state"] == "broken"]["metric"].tolist():
        return Verdict(arm, "stop", "guardrail", tuple(broken))
    better, worse, day = _judged(rows[0], experiment, arm, early) if rows else (False, False, None)
    if worse:
        return Verdict(arm, "stop", "worse", (name,), day)
    if (worth["state"] == "lost").any():
        return Verdict(arm, "stop", "costs", tuple(worth["metric"]))
    waiting = states[states["state"] == "open"]["metric"].tolist()
    unsafe = worth[worth["state"] == "open"]["metric"].tolist()
    if better and not waiting and not unsafe:
        return Verdict(arm, "ship", "better", (name,), day)
    if not complete:
        return Verdict(arm, "go on", "coming", (name,), day)
    if not rows or rows[0]["status"] != COMPARED:
        return Verdict(arm, "cannot tell", rows[0]["status"] if rows else "unknown", (name,))
    if better and unsafe:
        return Verdict(arm, "cannot tell", "money_open", (name, *unsafe), day)
    if better:
        return Verdict(arm, "cannot tell", "guardrail_open", (name, *waiting), day)
    sure = rows[0]["low"] > 0 or rows[0]["high"] < 0
    return Verdict(arm, "cannot tell", "not_corrected" if sure else "undecided", (name,))


def _judged(
    row: Mapping[Any, Any], experiment: Experiment, arm: str, early: pd.DataFrame | None
) -> tuple[bool, bool, dt.date | None]:
    """Whether the primary is better, whether it is worse, and on which day before the end that was seen."""
    if row["status"] != COMPARED:
        return False, False, None
    sign = experiment.primary.sign
    if early is not None:
        own = early[early["arm"] == arm]
        way = own["sign"] * sign
        day = own["day"].iloc[0] if len(own) else None
        return bool((way > 0).any()), bool((way < 0).any()), day
    sure = row["p_adjusted"] is not None and row["p_adjusted"] < experiment.alpha
    return bool(sure and sign * row["effect"] > 0), bool(sure and sign * row["effect"] < 0), None


def _state(row: Mapping[Any, Any], sign: int, margin: float) -> str:
    if row["status"] != COMPARED:
        return "held" if row["status"] == "constant" and row["effect"] == 0 else "open"
    worst, best = sorted((sign * row["low"], sign * row["high"]))
    return "held" if worst > -margin else "broken" if best < -margin else "open"


def _of(effects: pd.DataFrame, metric: str) -> pd.DataFrame:
    chosen: pd.DataFrame = effects[effects["metric"] == metric]
    return chosen
