"""What does the chosen model lean on, and is it too good to be true? Permuted themes and a leakage alarm.

Permutation importance: L. Breiman, Machine Learning 45, 2001, here of a whole theme at once, because features
that say the same stand in for each other. Leakage: S. Kaufman et al., ACM TKDD 6(4), 2012.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from crm_utils.churn.contenders import BASELINES, Fitted
from crm_utils.churn.contest import Contest
from crm_utils.churn.words import features_there

__all__ = ["FAR_ABOVE", "TOO_GOOD", "leakage_alarms", "theme_importance"]

TOO_GOOD = 0.95
"""ROC AUC from which one feature alone is suspect."""

FAR_ABOVE = 0.10
"""ROC AUC by which a model may exceed the better baseline before it is suspect."""


def theme_importance(
    model: Fitted, rows: pd.DataFrame, *, seed: int, repeats: int = 5, draws: int = 400
) -> pd.DataFrame:
    """How much worse is the forecast when a theme's features are dealt out to others? Which themes matter.

    Parameters
    ----------
    model
        The fitted contender.
    rows
        One cut-off's rows with ``lapse`` known, not among those learnt from.
    seed, repeats, draws
        Of dealing and of the bootstrap by customer.

    Returns
    -------
    pandas.DataFrame
        ``theme``, ``importance`` (rise of the log-loss), ``low``, ``high`` (95 %), largest first.
    """
    rng = np.random.default_rng(seed)
    actual = rows["lapse"].to_numpy(dtype=int)
    usual = _losses(model, rows, actual)
    used = [f for f in features_there(rows.columns) if f.name in model.columns]
    rises = {}
    for theme in dict.fromkeys(f.theme for f in used):
        names = [f.name for f in used if f.theme == theme]
        rise = np.zeros(len(rows))
        for _ in range(repeats):
            dealt = rows.iloc[rng.permutation(len(rows))]
            rise += _losses(model, rows.assign(**{n: dealt[n].to_numpy() for n in names}), actual) - usual
        rises[theme] = rise / repeats
    matrix = np.column_stack(list(rises.values()))
    drawn = np.stack([matrix[rng.integers(0, len(rows), len(rows))].mean(axis=0) for _ in range(draws)])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    table = pd.DataFrame({"theme": list(rises), "importance": matrix.mean(axis=0), "low": low, "high": high})
    return table.sort_values("importance", ascending=False, ignore_index=True)


def leakage_alarms(panel: pd.DataFrame, contest: Contest) -> list[str]:
    """Say what looks as if it knew the future; an empty list when nothing does.

    Parameters
    ----------
    panel
        From :func:`crm_utils.churn.panel_frame`.
    contest
        The contest on it.
    """
    said = []
    days = contest.validate["cutoff"].unique()
    rows = panel[panel["cutoff"].isin(days)]
    for feature in features_there(rows.columns):
        values = rows[feature.name]
        if pd.api.types.is_numeric_dtype(values) and values.notna().any():
            auc = _auc(rows["lapse"], values.fillna(values.median()))
            if auc > TOO_GOOD:
                said.append(f"{feature.name} alone ranks with an AUC of {auc:.2f}: does it know the future?")
    aucs = {
        name: _auc(contest.validate["actual"], contest.validate[name]) for name in contest.choice["contender"]
    }
    plain = max((auc for name, auc in aucs.items() if name in BASELINES), default=np.nan)
    if aucs[contest.chosen] > plain + FAR_ABOVE:
        said.append(
            f"{contest.chosen} has an AUC of {aucs[contest.chosen]:.2f} where the better baseline has "
            f"{plain:.2f}: look for a feature that knows the future."
        )
    return said


def _auc(actual: pd.Series[int], values: pd.Series[float]) -> float:
    """ROC AUC of a feature in whichever direction ranks better; chance where there is one outcome alone."""
    auc = float(roc_auc_score(actual, values)) if actual.nunique() == 2 else 0.5
    return max(auc, 1 - auc)


def _losses(model: Fitted, rows: pd.DataFrame, actual: np.ndarray) -> np.ndarray:
    p = model.predict(rows)
    return np.asarray(-np.log(np.where(actual == 1, p, 1 - p)))
