"""Is there a programme, and what can be asked of it? The windows in which customers are compared."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import Cannot, ShopFacts
from crm_utils.methods.loyalty.migration import Migration, migration
from crm_utils.methods.loyalty.placebo import Placebo, compare_sides, placebo
from crm_utils.methods.loyalty.standings import Window, sample_standings, standings
from crm_utils.methods.loyalty.thresholds import Threshold, judge_thresholds
from crm_utils.methods.loyalty.tiers import Rule, disagreements, parse_rule, review_days, tier_names

__all__ = ["Programme", "TierPage", "cannot", "made_up_window", "naive_tiers", "programme", "tier_page"]

WINDOW_DAYS = 182
"""Days that count towards a made-up line, and days after it; a third of the history where that is shorter."""
_LEAST_DAYS = 28  # of a window
_FEWEST = 100  # customers with a purchase: with fewer a made-up line shows chance


@dataclass(frozen=True)
class Programme:
    """What of a loyalty programme a study records.

    Attributes
    ----------
    points, tiers, referrals
        Whether each is there.
    reviews
        Days on which tiers were set for many.
    rule
        The rule as the study says it; None where it says none.
    """

    points: bool
    tiers: bool
    referrals: bool
    reviews: tuple[dt.date, ...]
    rule: Rule | None

    @property
    def any(self) -> bool:
        """Whether there is a programme at all."""
        return self.points or self.tiers or self.referrals


@dataclass(frozen=True)
class TierPage:
    """Tiers: who moved, and what their cuts do.

    Attributes
    ----------
    placebo
        The made-up line.
    window
        Where it was drawn.
    migration
        Moves at reviews; None without recorded tiers.
    tiers
        From the lowest.
    wrong, judged
        Recorded tiers that are not what the rule says, of how many; 0 without a rule.
    thresholds
        Each cut; empty without a rule or reviews whose time after is over.
    rows
        The sample that cuts were judged by.
    rule
        By which customers were compared; None where the made-up line is by money paid, without tiers.
    """

    placebo: Placebo
    window: Window
    migration: Migration | None
    tiers: tuple[str, ...]
    wrong: int
    judged: int
    thresholds: list[Threshold]
    rows: pd.DataFrame
    rule: Rule | None

    def members(self, tier: str) -> int:
        """Customers whom the last review gave a tier, as far as they are shown."""
        if self.migration is None:
            return 0
        moves = self.migration.table
        last = moves[(moves["review"] == moves["review"].max()) & (moves["tier"] == tier)]
        return int(last["customers"].fillna(0).sum())


def cannot(facts: ShopFacts) -> Cannot | None:
    """Why a shop has nothing to learn here; None where it has, with or without a programme."""
    if not facts.customers:
        return Cannot("no_customers")
    if facts.no_money:
        return Cannot("no_money")
    if facts.repeat_customers < _FEWEST or facts.days < 3 * _LEAST_DAYS:
        return Cannot("loyalty.too_little", {"least": _FEWEST, "days": 3 * _LEAST_DAYS})
    return None


def programme(
    points: ir.Table | None, tiers: ir.Table | None, referrals: ir.Table | None, *, rule: str
) -> Programme:
    """Look what of a programme there is.

    Parameters
    ----------
    points, tiers, referrals
        Canonical tables; None where the study has none.
    rule
        As :func:`.tiers.parse_rule` reads it.
    """
    reviews = tuple(review_days(tiers)) if tiers is not None else ()
    return Programme(points is not None, tiers is not None, referrals is not None, reviews, parse_rule(rule))


def made_up_window(facts: ShopFacts) -> Window:
    """A day in the past with as much time before as after it, to draw a made-up line on."""
    length = min(WINDOW_DAYS, facts.days // 3)
    day = facts.as_of + dt.timedelta(days=1 - length)
    return Window(day, day - dt.timedelta(days=length), facts.as_of + dt.timedelta(days=1))


def tier_page(
    lines: ir.Table,
    orders: ir.Table,
    tiers: ir.Table | None,
    made: Programme,
    *,
    facts: ShopFacts,
    seed: int = 0,
) -> TierPage:
    """Draw a made-up line, count the moves, and judge the cuts.

    Parameters
    ----------
    lines, orders, tiers
        Canonical tables and the view ``orders``.
    made
        As :func:`programme` gives it.
    facts
        Of the shop.
    seed
        Of the bootstrap.
    """
    windows = _windows(made, facts) if tiers is not None and made.rule else []
    if tiers is None or not made.rule or not windows:
        window = made_up_window(facts)
        rows = sample_standings(standings(lines, orders, [window]))
        moves = None if tiers is None else _moves(lines, orders, tiers, made, facts)
        names = () if tiers is None else tier_names(tiers, made.rule)
        return TierPage(placebo(rows), window, moves, names, 0, 0, [], rows, None)
    metric, names = made.rule.metric, tier_names(tiers, made.rule)
    every = standings(lines, orders, windows, metric=metric, recorded=tiers).cache()
    wrong, judged = disagreements(every, made.rule, lowest=names[0])
    rows = sample_standings(every)
    over = [w for w in windows if (w.ends - w.day).days >= made.rule.days]
    closed = rows[rows["review"].isin([w.day for w in over])]
    last = over[-1] if over else windows[-1]
    line = placebo(rows[rows["review"] == last.day], below=made.rule.cuts[0][0])
    cuts = judge_thresholds(closed, made.rule.cuts, seed=seed) if over else []
    moves = migration(every, names)
    return TierPage(line, last, moves, names, wrong, judged, cuts, closed, made.rule)


def naive_tiers(page: TierPage) -> pd.DataFrame:
    """What members of each tier spend after the reviews, as a multiple of the lowest tier's: no effect of it.

    Returns
    -------
    pandas.DataFrame
        ``tier``, ``value``, ``low``, ``high``; tiers of five customers or more.
    """
    rows = []
    money, tier = page.rows["after"], page.rows["tier"]
    for name in page.tiers[1:]:
        mask = tier.isin([name, page.tiers[0]])
        each = compare_sides(money[mask], tier[mask] == name)
        if each.known:
            rows.append((name, each.value, each.low, each.high))
    return pd.DataFrame(rows, columns=["tier", "value", "low", "high"])


def _windows(made: Programme, facts: ShopFacts) -> list[Window]:
    """The reviews whose window lies within the data, each until the next one, or as long as what counts."""
    rule = made.rule
    if rule is None:
        return []
    begins = facts.history_starts or facts.first_day or facts.as_of
    end = facts.as_of + dt.timedelta(days=1)
    known = [day for day in made.reviews if rule.starts(day) >= begins and day < end]
    after = dt.timedelta(days=rule.days)
    return [Window(day, rule.starts(day), min(day + after, end)) for day in known]


def _moves(
    lines: ir.Table, orders: ir.Table, tiers: ir.Table, made: Programme, facts: ShopFacts
) -> Migration | None:
    """Moves at reviews where the rule is not known: spending in half a year on either side."""
    end, half = facts.as_of + dt.timedelta(days=1), dt.timedelta(days=WINDOW_DAYS)
    windows = [Window(day, day - half, min(day + half, end)) for day in made.reviews if day < end]
    if not windows:
        return None
    rows = standings(lines, orders, windows, recorded=tiers)
    return migration(rows, tier_names(tiers, made.rule))
