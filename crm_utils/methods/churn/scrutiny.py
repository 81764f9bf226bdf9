"""What does the chosen model lean on, and is it too good to be true? Permuted themes and a leakage alarm.

Permutation importance: L. Breiman, Machine Learning 45, 2001, here of a whole theme at once, because features
that say the same stand in for each other. Leakage: S. Kaufman et al., ACM TKDD 6(4), 2012.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from crm_utils.features.statistics import LEVEL
from crm_utils.methods.churn.contenders import BASELINES, Fitted
from crm_utils.methods.churn.contest import Contest, learn_by
from crm_utils.methods.churn.cutoffs import CutoffPlan
from crm_utils.methods.churn.themes import features_there

__all__ = ["FAR_ABOVE", "TOO_GOOD", "Alarm", "importance_on", "leakage_alarms", "theme_importance"]

TOO_GOOD = 0.95
"""ROC AUC from which one feature alone is suspect."""

FAR_ABOVE = 0.10
"""ROC AUC by which a model may exceed the better baseline before it is suspect."""


@dataclass(frozen=True)
class Alarm:
    """Something that ranks too well: a feature alone, or a contender (``against`` is the better baseline)."""

    name: str
    auc: float
    against: float | None = None


def theme_importance(
    model: Fitted, rows: pd.DataFrame, *, seed: int, repeats: int = 5, draws: int = 400
) -> pd.DataFrame:
    """Which themes matter: how much worse the forecast gets when one's features are shuffled.

    Parameters
    ----------
    model
        The fitted contender.
    rows
        One cut-off's rows with ``lapse`` known, not among those learnt from.
    seed, repeats, draws
        Of shuffling and of the bootstrap by customer.

    Returns
    -------
    pandas.DataFrame
        ``theme``, ``importance`` (rise of the log-loss), ``low``, ``high`` (95 %), largest first.
    """
    rng = np.random.default_rng(seed)
    actual = rows["lapse"].to_numpy(dtype=int)
    usual = _losses(model, rows, actual)
    used = [f for f in features_there(rows.columns) if f.name in model.columns]
    if not used or not len(rows):  # a flat forecast leans on nothing
        return pd.DataFrame(columns=["theme", "importance", "low", "high"])
    rises = {}
    for theme in dict.fromkeys(f.theme for f in used):
        names = [f.name for f in used if f.theme == theme]
        rise = np.zeros(len(rows))
        for _ in range(repeats):
            shuffled = rows.iloc[rng.permutation(len(rows))]
            rise += _losses(model, rows.assign(**{n: shuffled[n].to_numpy() for n in names}), actual) - usual
        rises[theme] = rise / repeats
    matrix = np.column_stack(list(rises.values()))
    drawn = np.stack([matrix[rng.integers(0, len(rows), len(rows))].mean(axis=0) for _ in range(draws)])
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    table = pd.DataFrame({"theme": list(rises), "importance": matrix.mean(axis=0), "low": low, "high": high})
    return table.sort_values("importance", ascending=False, ignore_index=True)


def importance_on(
    panel: pd.DataFrame, plan: CutoffPlan, day: dt.date, *, chosen: str, seed: int
) -> pd.DataFrame:
    """:func:`theme_importance` on a judged day, of the chosen contender as it was learnt by then."""
    model = learn_by(panel, plan, day, name=chosen, seed=seed)
    return theme_importance(model, panel[panel["cutoff"] == day], seed=seed)


def leakage_alarms(panel: pd.DataFrame, contest: Contest) -> list[Alarm]:
    """Find what looks as if it knew the future; an empty list when nothing does.

    Parameters
    ----------
    panel
        From :func:`.churn.panel_frame`.
    contest
        The contest on it.
    """
    alarms = []
    days = contest.validate["cutoff"].unique()
    rows = panel[panel["cutoff"].isin(days)]
    for feature in features_there(rows.columns):
        values = rows[feature.name]
        if pd.api.types.is_numeric_dtype(values) and values.notna().any():
            auc = _auc(rows["lapse"], values.fillna(values.median()))
            if auc > TOO_GOOD:
                alarms.append(Alarm(feature.name, auc))
    aucs = {
        name: _auc(contest.validate["actual"], contest.validate[name]) for name in contest.choice["contender"]
    }
    plain = max((auc for name, auc in aucs.items() if name in BASELINES), default=np.nan)
    if aucs[contest.chosen] > plain + FAR_ABOVE:
        alarms.append(Alarm(contest.chosen, aucs[contest.chosen], float(plain)))
    return alarms


def _auc(actual: pd.Series[int], values: pd.Series[float]) -> float:
    """ROC AUC of a feature in whichever direction ranks better; chance where there is one outcome alone."""
    auc = float(roc_auc_score(actual, values)) if actual.nunique() == 2 else 0.5
    return max(auc, 1 - auc)


def _losses(model: Fitted, rows: pd.DataFrame, actual: np.ndarray) -> np.ndarray:
    p = model.predict(rows)
    return np.asarray(-np.log(np.where(actual == 1, p, 1 - p)))
