"""Does a paid source bring visits, or take those that come anyway? Weeks with it against weeks without.

Credit gives a source every visit that carries its name. Where it was switched on and off, the visits of *all*
sources together tell what it brought (T. Blake, C. Nosko, S. Tadelis, *Econometrica* 83, 2015).
"""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import t

from crm_utils.features.statistics import LEVEL

__all__ = ["SOURCE_COLUMNS", "source_visits", "switched_sources"]

SOURCE_COLUMNS = ["source", "on", "off", "credit", "lift", "low", "high", "factor"]
_LEAST_PAIRS = 8
_LEAK = 0.02
"""Share of a source's visits that may come in periods in which it was not bought, and it still fits."""


def source_visits(visits: ir.Table, costs: ir.Table) -> ir.Table:
    """Count visits of each source in each period of the costs.

    Parameters
    ----------
    visits
        From :func:`.visits.without_robots`.
    costs
        ``marketing_costs``.

    Returns
    -------
    ibis.expr.types.Table
        ``starts_on``, ``touch`` (source and medium), ``visits``.
    """
    spans = costs.select("starts_on", "ends_on").distinct()
    known = visits.filter(visits.source.notnull(), visits.medium.fill_null("none") != "message")
    first = known.mutate(first=known.place.min().over(ibis.window(group_by="session")))
    first = first.filter(first.place == first["first"])
    touch = first.source + " / " + first.medium.fill_null("none")
    days = first.group_by(day=first.occurred_at.cast("date"), touch=touch).aggregate(visits=first.count())
    both = days.inner_join(spans, [days.day >= spans.starts_on, days.day <= spans.ends_on])
    return both.group_by("starts_on", "touch").aggregate(visits=both.visits.sum())


def switched_sources(
    counts: pd.DataFrame, costs: pd.DataFrame, *, silent: list[dt.date] | None = None
) -> pd.DataFrame:
    """Hold periods in which a source was bought against the neighbouring ones in which it was not.

    Parameters
    ----------
    counts
        From :func:`source_visits`.
    costs
        ``marketing_costs``: ``starts_on``, ``ends_on``, ``acquisition_channel``, ``cost``.
    silent
        Days without events, whose periods are left out with their neighbours.

    Returns
    -------
    pandas.DataFrame
        :data:`SOURCE_COLUMNS`: periods bought and not, visits that carry its name, visits that it brought
        with their interval, and the factor. A cost belongs to the source that has visits in just its periods;
        empty where none does.

    Notes
    -----
    Periods go in pairs, the first with the second and so on: log(visits) of all sources in one less the
    other,
    regressed on which of the two bought each source, without intercept. Fair if a lot chose the periods.
    """
    empty = pd.DataFrame(columns=SOURCE_COLUMNS)
    if not len(counts) or not len(costs):
        return empty
    wide = counts.pivot_table(
        index="starts_on", columns="touch", values="visits", aggfunc="sum", fill_value=0
    )
    spans = costs.groupby("starts_on")["ends_on"].max().sort_index()
    wide = wide.reindex(spans.index, fill_value=0)
    paid = costs.assign(on=costs["cost"].astype(float) > 0)
    paid = paid.pivot_table(index="starts_on", columns="acquisition_channel", values="on", aggfunc="max")
    paid = paid.reindex(spans.index).fillna(0).astype(bool)
    fitting = {name: on for column in paid.columns if (name := _fits(wide, (on := paid[column]))) is not None}
    if not fitting:
        return empty
    bad = np.array([
        any(pd.Timestamp(str(a)) <= pd.Timestamp(day) <= pd.Timestamp(b) for day in silent or [])
        for a, b in spans.items()
    ])  # fmt: skip
    total = wide.sum(axis=1).to_numpy(float)
    pairs = [
        k for k in range(0, len(total) - 1, 2) if not bad[k : k + 2].any() and total[k : k + 2].min() > 0
    ]
    change = np.array([np.log(total[k] / total[k + 1]) for k in pairs])
    design = np.array([[float(on.iloc[k]) - float(on.iloc[k + 1]) for on in fitting.values()] for k in pairs])
    if len(pairs) < _LEAST_PAIRS or np.linalg.matrix_rank(design) < len(fitting):
        return empty
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ change
    rest = change - design @ beta
    df = len(pairs) - len(fitting)
    error = np.sqrt(np.diag(inverse) * float(rest @ rest) / df)
    reach = float(t.ppf((1 + LEVEL) / 2, df)) * error
    rows = []
    for k, (name, on) in enumerate(fitting.items()):
        visits = float(total[on.to_numpy()].sum())
        credit = float(wide[name].sum())
        ends = [
            float(visits * (1 - np.exp(-value)))
            for value in (beta[k], beta[k] - reach[k], beta[k] + reach[k])
        ]
        rows.append((name, int(on.sum()), int((~on).sum()), credit, *ends, ends[0] / credit))
    return pd.DataFrame(rows, columns=SOURCE_COLUMNS)


def _fits(wide: pd.DataFrame, on: pd.Series[bool]) -> str | None:
    """The source whose visits come in just these periods."""
    if on.all() or not on.any():
        return None
    outside = wide[~on.to_numpy()].sum() / wide.sum().where(wide.sum() > 0)
    inside = (wide[on.to_numpy()] > 0).mean()
    fits = outside[(outside <= _LEAK) & (inside > 0.9)]
    return str(fits.index[0]) if len(fits) == 1 else None
