"""What follows? Ship, stop, go on, or cannot tell; and how many orders and how much money that is.

The rule is written here once and was fixed before any data:

1. A sample ratio that stops: no verdict (``none``).
2. A guardrail beyond its margin, the primary worse, or money lost, each with its whole interval: **stop**.
3. The primary better and every guardrail shown to hold its margin: **ship**.
4. Customers whose horizon is not complete, or who may still come: **go on**.
5. Else **cannot tell**: the interval says which effects are still possible.

*Better* and *worse* mean beyond the bound at a planned look; without planned looks, by Holm over arms once
all horizons have passed, and by the confidence sequence before. Until then the intervals of guardrails and
of money are confidence sequences as well: whoever looks every night must not stop by chance some night.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.ab_test.validity import SampleRatio
from crm_utils.experiments import Experiment

__all__ = ["VERDICTS", "Verdict", "decide", "guardrails", "overall"]

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
    why
        The reason, a part of a sentence.
    """

    arm: str
    word: str
    why: str


def guardrails(effects: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """See for every guardrail whether the metric is shown to hold its margin, to break it, or neither.

    Parameters
    ----------
    effects
        From :func:`~crm_utils.ab_test.effects.effects`.
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
            told = {name: row[name] for name in ("metric", "arm", "effect", "low", "high")}
            rows.append(
                told | {"margin": guard.margin, "state": _state(row, guard.metric.sign, guard.margin)}
            )
    return pd.DataFrame(rows, columns=["metric", "arm", "effect", "low", "high", "margin", "state"])


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
        From :func:`~crm_utils.ab_test.effects.effects`; with the metric ``contribution``, money counts too.
        While the experiment goes on, their ``low`` and ``high`` are those of
        :func:`~crm_utils.ab_test.sequential.at_all_times`.
    experiment
        The declaration.
    ratio
        The sample ratio, which comes first.
    complete
        Whether nobody can come any more and every customer's horizon has passed.
    looks
        From :func:`~crm_utils.ab_test.looks.planned_looks`, of all arms together: where looks were planned,
        they decide instead of the fixed-horizon test.
    sequence
        From :func:`~crm_utils.ab_test.sequential.confidence_sequence`, with ``arm``: without planned looks,
        and before every horizon has passed, nothing else may decide.
    """
    found = []
    for arm in experiment.treatments:
        if ratio.verdict == "stop":
            why = f"the sample ratio (p = {ratio.p:.1g}) says that the arms are not comparable"
            found.append(Verdict(arm, "none", why))
        else:
            found.append(
                Verdict(
                    arm,
                    *_word(effects, experiment, arm, complete, _early(experiment, complete, looks, sequence)),
                )
            )
    return found


def overall(verdicts: list[Verdict]) -> str:
    """One word for the experiment: ship if any arm ships, then go on, cannot tell, stop; none before all.

    Examples
    --------
    >>> overall([Verdict("sms", "cannot tell", ""), Verdict("alimtalk", "ship", "")])
    'ship'
    """
    words = {verdict.word for verdict in verdicts}
    order = ("none", "ship", "go on", "cannot tell", "stop")
    return next((word for word in order if word in words), "none")


def _word(
    effects: pd.DataFrame, experiment: Experiment, arm: str, complete: bool, early: pd.DataFrame | None
) -> tuple[str, str]:
    own = effects[effects["arm"] == arm]
    primary = _of(own, experiment.primary.name).to_dict("records")
    if not primary or primary[0]["note"]:
        why = primary[0]["note"] if primary else "the primary metric could not be compared"
        return ("cannot tell" if complete else "go on"), str(why).rstrip(".")
    sign, row, name = experiment.primary.sign, primary[0], f"the primary metric ({experiment.primary.name})"
    held = ", and every guardrail holds its margin" if experiment.guardrails else ""
    states = guardrails(own, experiment)
    for guard in states[states["state"] == "broken"]["metric"]:
        return "stop", f"{guard} is worse than its margin allows"
    better, worse = _judged(row, sign, experiment, arm, early)
    if worse:
        return "stop", f"{name} is worse"
    money = _of(own, "contribution").to_dict("records")
    if money and not money[0]["note"] and money[0]["high"] < 0:
        return "stop", "it costs more than it brings"
    waiting = states[states["state"] == "open"]["metric"].tolist()
    if better and not waiting:
        return "ship", f"{name} is better{held}"
    if not complete:
        return "go on", "not every customer's horizon is complete, or more are to come"
    if better:
        return (
            "cannot tell",
            f"{name} is better, but {', '.join(waiting)} may be worse than allowed",
        )
    if row["low"] > 0 or row["high"] < 0:
        return "cannot tell", f"{name} is not told from nothing at the declared error rate"
    return "cannot tell", f"the interval of {name} holds gains and losses alike"


def _early(
    experiment: Experiment, complete: bool, looks: pd.DataFrame | None, sequence: pd.DataFrame | None
) -> pd.DataFrame | None:
    """What decides instead of the fixed-horizon test (None: that may): ``arm``, ``sign`` of a crossing."""
    if experiment.looks and looks is not None:
        crossed = looks[looks["crossed"].astype(bool)]
        return pd.DataFrame({"arm": crossed["arm"], "sign": np.sign(crossed["z"].astype(float))})
    if complete:
        return None
    if sequence is None or sequence.empty:
        return pd.DataFrame({"arm": [], "sign": []})
    sure = sequence[sequence["decided"].astype(bool)]
    return pd.DataFrame({"arm": sure["arm"], "sign": np.sign(sure["always_low"].astype(float))})


def _judged(
    row: Mapping[Any, Any], sign: int, experiment: Experiment, arm: str, early: pd.DataFrame | None
) -> tuple[bool, bool]:
    """Whether the primary is better, and whether it is worse, at the declared error rate."""
    if early is not None:
        way = early[early["arm"] == arm]["sign"] * sign
        return bool((way > 0).any()), bool((way < 0).any())
    sure = row["p_adjusted"] is not None and row["p_adjusted"] < experiment.alpha
    return bool(sure and sign * row["effect"] > 0), bool(sure and sign * row["effect"] < 0)


def _state(row: Mapping[Any, Any], sign: int, margin: float) -> str:
    if row["note"] or row["low"] is None:
        return "open" if row["effect"] is None or row["effect"] != 0 else "held"
    worst, best = sorted((sign * row["low"], sign * row["high"]))
    return "held" if worst > -margin else "broken" if best < -margin else "open"


def _of(effects: pd.DataFrame, metric: str) -> pd.DataFrame:
    found: pd.DataFrame = effects[effects["metric"] == metric]
    return found
