"""Who was asked, who answered, and what would all have said? Response rate, and weights by raking.

W. E. Deming, F. F. Stephan, On a least squares adjustment of a sampled frequency table, *Annals of
Mathematical Statistics* 11, 1940: weights that give those who answered the margins of those who were asked.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features import Number, is_purchase
from crm_utils.features.deliveries import frequency_words
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z
from crm_utils.methods.feedback.scores import Score, known_answers, nps

__all__ = ["MARGINS", "Response", "Weights", "asked_rows", "response", "response_of", "weights"]

MARGINS = ("frequency", "recency", "channel")
"""What those who answer are brought into line by; lateness joins where it is known."""
_ROUNDS, _CLOSE = 500, 1e-10


@dataclass(frozen=True)
class Weights:
    """A weight for each answer, by what is known of who was asked.

    Attributes
    ----------
    table
        The margins, ``answered``, ``weight`` (1 on average).
    effective
        Independent answers that the weighted ones are worth: (Σw)² / Σw² (Kish 1965).
    uncovered
        Share of those asked whose group nobody answered in: weights cannot speak for them.
    converged
        Whether all margins are met.
    """

    table: pd.DataFrame
    effective: float
    uncovered: float
    converged: bool


@dataclass(frozen=True)
class Response:
    """Asked against answered.

    Attributes
    ----------
    asked, answered
        Requests; those answered within the days that count.
    low, high
        Ends of the interval of the share answered.
    times, times_low, times_high
        Purchases before the request: mean of those who answered over that of those who did not.
    plain, weighted
        NPS of those who answered, as they are and weighted; None without any.
    margins
        What they were weighted by.
    uncovered
        Share of those asked for whom the weights cannot speak.
    """

    asked: int
    answered: int
    low: float
    high: float
    times: float
    times_low: float
    times_high: float
    plain: Score | None
    weighted: Score | None
    margins: tuple[str, ...]
    uncovered: float

    @property
    def rate(self) -> float:
        """Share of requests that were answered."""
        return self.answered / self.asked

    def numbers(self) -> list[Number]:
        """What is recorded."""
        numbers = [
            Number("response.asked", self.asked, "requests"),
            Number("response.rate", self.rate, "share", self.low, self.high),
        ]
        if math.isfinite(self.times):
            numbers.append(Number("response.times", self.times, "", self.times_low, self.times_high))
        for name, score in (("asked", self.plain), ("weighted", self.weighted)):
            if score is not None:
                numbers.append(Number(f"nps.{name}", score.value, "points", score.low, score.high))
                numbers.append(Number(f"nps.{name}.effective", score.effective, "answers"))
        return numbers


def asked_rows(
    asked: ir.Table,
    feedback: ir.Table,
    orders: ir.Table,
    *,
    answer_days: int = 30,
    delivery: ir.Table | None = None,
) -> ir.Table:
    """Put each request beside its answer: a row a request; reminders of the same are one request.

    Parameters
    ----------
    asked, feedback, orders
        Canonical tables.
    answer_days
        An answer counts within so many days after the request.
    delivery
        As ``delivery_of_orders`` gives it.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``order_id``, ``kind``, ``asked_on``, ``channel``, ``score`` (null where not
        answered), ``orders`` (purchases up to the request), ``frequency`` and ``recency`` in groups,
        ``delivery``. Recency is the time between the last two purchases before the request: the last one is
        what is asked about.
    """
    day = asked.asked_at.cast("date")
    first = asked.mutate(about=ibis.coalesce(asked.order_id, day.cast("string")), day=day)
    keys = ["customer_id", "kind", "about"]
    asks = first.group_by(keys).aggregate(
        order_id=first.order_id.max(), asked_on=first.day.min(), channel=first.channel.max()
    )
    answers = known_answers(feedback)
    answers = answers.filter(answers.customer_id.notnull()).select(
        who="customer_id", what="kind", answered_order="order_id",
        answered_on=answers.submitted_at.cast("date"), score="score",
    )  # fmt: skip
    same = [
        asks.customer_id == answers.who, asks.kind == answers.what, answers.answered_on >= asks.asked_on,
        answers.answered_on <= asks.asked_on + ibis.interval(days=answer_days),
        (asks.order_id == answers.answered_order) | asks.order_id.isnull() | answers.answered_order.isnull(),
    ]  # fmt: skip
    both = asks.inner_join(answers, same)
    scores = both.group_by(keys).aggregate(score=both.score.min())
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    bought = bought.select(who="customer_id", bought_on=bought.ordered_at.cast("date")).distinct()
    past = asks.inner_join(bought, [asks.customer_id == bought.who, bought.bought_on <= asks.asked_on])
    latest = ibis.window(group_by=keys, order_by=past.bought_on.desc())
    past = past.mutate(place=ibis.row_number().over(latest))
    counts = past.group_by(keys).aggregate(
        orders=past.count(),
        last=past.bought_on.max(where=past.place == 0),
        before=past.bought_on.max(where=past.place == 1),
    )
    rows = asks
    for table in (scores, counts):
        other = table.rename(**{f"{k}_": k for k in keys})
        rows = rows.left_join(other, [rows[k] == other[f"{k}_"] for k in keys]).drop(*[f"{k}_" for k in keys])
    gap = rows.last.delta(rows.before, unit="day")
    recency = ibis.cases((gap.isnull(), "first"), (gap <= 30, "-30"), (gap <= 90, "31-90"), else_="91+")
    rows = rows.mutate(
        orders=rows.orders.fill_null(0), frequency=frequency_words(rows.orders.fill_null(0)), recency=recency,
        channel=rows.channel.fill_null(""),
    )  # fmt: skip
    if delivery is None:
        rows = rows.mutate(delivery=ibis.literal(""))
    else:
        parcels = delivery.select(parcel="order_id", delivery="delivery")
        rows = rows.left_join(parcels, rows.order_id == parcels.parcel)
        rows = rows.mutate(delivery=rows.delivery.fill_null(""))
    return rows.select(
        "customer_id",
        "order_id",
        "kind",
        "asked_on",
        "channel",
        "score",
        "orders",
        "frequency",
        "recency",
        "delivery",
    )


def response_of(
    asked: ir.Table | None, feedback: ir.Table, orders: ir.Table, *, as_of: dt.date, answer_days: int = 30,
    delivery: ir.Table | None = None,
) -> Response | None:  # fmt: skip
    """Who answered of those who were asked; lateness is one of the margins where it is known.

    Returns
    -------
    Response or None
        None without ``asked``, or where fewer than five customers were.
    """
    if asked is None:
        return None
    rows = asked_rows(asked, feedback, orders, answer_days=answer_days, delivery=delivery).cache()
    margins = MARGINS if delivery is None else (*MARGINS, "delivery")
    return response(rows, until=as_of, answer_days=answer_days, margins=margins)


def response(
    rows: ir.Table, *, until: dt.date, answer_days: int = 30, margins: Sequence[str] = MARGINS
) -> Response | None:
    """Hold those who answered against those who were asked.

    Parameters
    ----------
    rows
        As :func:`asked_rows` gives them.
    until
        The last day known (a date): a request of the last ``answer_days`` can still be answered, and is
        left out.
    answer_days
        As given to :func:`asked_rows`.
    margins
        What to weight by.

    Returns
    -------
    Response or None
        None where fewer than five customers were asked.
    """
    known = rows.filter(rows.asked_on <= ibis.literal(until).cast("date") - ibis.interval(days=answer_days))
    cells: pd.DataFrame = known.group_by(["kind", "score", *margins]).aggregate(
        asked=known.count(), orders=known.orders.sum(), squares=(known.orders * known.orders).sum()
    ).to_pandas()  # fmt: skip
    people = int(known.customer_id.nunique().to_pyarrow().as_py() or 0)
    if people < SMALLEST_GROUP or not len(cells):
        return None
    cells = cells.sort_values(["kind", "score", *margins], ignore_index=True)
    answering = cells[cells["score"].notna()]
    asked, answered = int(cells["asked"].sum()), int(answering["asked"].sum())
    low, high = proportion_confint(answered, asked, alpha=1 - LEVEL, method="wilson")
    plain = weighted = None
    uncovered = 0.0
    nps_told, nps_asked = answering[answering["kind"] == "nps"], cells[cells["kind"] == "nps"]
    if nps_told["asked"].sum() >= SMALLEST_GROUP:
        plain = nps(_counts(nps_told, nps_told["asked"]))
        given = weights(nps_asked, nps_told, margins)
        merged = nps_told.merge(given.table[[*margins, "weight"]], on=list(margins))
        weighted = nps(_counts(merged, merged["asked"] * merged["weight"]), effective=given.effective)
        uncovered = given.uncovered
    times = _times(answering, cells[cells["score"].isna()])
    return Response(
        asked, answered, float(low), float(high), *times, plain, weighted, tuple(margins), uncovered
    )


def weights(asked: pd.DataFrame, answered: pd.DataFrame, margins: Sequence[str]) -> Weights:
    """Weigh answers until they have the margins of those asked.

    Parameters
    ----------
    asked, answered
        The margins' columns and ``asked``, how many rows each stands for.
    margins
        Columns to bring into line, one after the other.

    Returns
    -------
    Weights

    Notes
    -----
    It repairs what the margins explain, and nothing else: where who is annoyed stays silent for reasons
    that no margin holds, the weighted score is as biased as the plain one.
    """
    names = list(margins)
    cells = answered.groupby(names)["asked"].sum().rename("answered").reset_index()
    covered = asked
    for name in names:
        covered = covered[covered[name].isin(cells[name])]
    total = float(asked["asked"].sum())
    uncovered = 1 - float(covered["asked"].sum()) / total if total else 0.0
    n = cells["answered"].to_numpy(dtype=float)
    weight, converged = np.ones(len(cells)), False
    codes = {name: pd.factorize(cells[name], sort=True) for name in names}
    wanted = {}
    for name, (_code, levels) in codes.items():
        sums = covered.groupby(name)["asked"].sum().reindex(levels).to_numpy(dtype=float)
        wanted[name] = sums / sums.sum() * n.sum()
    for _round in range(_ROUNDS):
        before = weight.copy()
        for name, (code, levels) in codes.items():
            weight = weight * (wanted[name] / np.bincount(code, n * weight, len(levels)))[code]
        if float(np.abs(weight - before).max(initial=0.0)) < _CLOSE:
            converged = True
            break
    effective = float((n * weight).sum() ** 2 / (n * weight**2).sum()) if len(cells) else 0.0
    return Weights(cells.assign(weight=weight), effective, uncovered, converged)


def _counts(rows: pd.DataFrame, n: pd.Series[float]) -> dict[int, float]:
    return {int(score): float(part.sum()) for score, part in n.groupby(rows["score"])}


def _times(answering: pd.DataFrame, silent: pd.DataFrame) -> tuple[float, float, float]:
    """Ratio of mean purchases, its interval on the log scale from sums and sums of squares."""
    means, errors = [], []
    for rows in (answering, silent):
        n, total, squares = (float(rows[name].sum()) for name in ("asked", "orders", "squares"))
        if n < SMALLEST_GROUP or total <= 0:
            return math.nan, math.nan, math.nan
        mean = total / n
        means.append(mean)
        errors.append(max(squares / n - mean**2, 0.0) / n / mean**2)
    ratio, reach = means[0] / means[1], z() * math.sqrt(sum(errors))
    return ratio, ratio * math.exp(-reach), ratio * math.exp(reach)
