"""What does the page on the loyalty programme say? Sentences; its tables are in ``loyalty_lists``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.loyalty import (
    Claim,
    Estimate,
    Fraud,
    Migration,
    Owed,
    Placebo,
    Programme,
    Referrals,
    Reward,
    Rule,
    Threshold,
    TierPage,
    Window,
)
from crm_utils.sentences import cannot as reasons
from crm_utils.tools.language import N_, Plural, _, ngettext

__all__ = [
    "CANNOT",
    "amount_in",
    "backtest_words",
    "claim_words",
    "cuts_axis",
    "data_words",
    "flow_words",
    "fraud_words",
    "liability_title",
    "liability_words",
    "migration_title",
    "migration_words",
    "moves_axes",
    "multiples_axis",
    "naive_rows",
    "placebo_title",
    "placebo_words",
    "points_axis",
    "price_words",
    "referral_words",
    "reward_words",
    "threshold_titles",
    "threshold_words",
    "verdict_word",
]

CANNOT: dict[str, tuple[str | Plural, str]] = {
    "too_little": (
        N_(
            "Fewer than {least} customers bought twice, or there are fewer than {days} days: whoever is compared here is too few."
        ),
        N_("Come back when more customers have bought again."),
    ),
    "no_points": (
        N_("There is no ledger of points."),
        N_("Keep every change of a balance in points: who, when, how many, why, until when."),
    ),
    "few_points": (
        N_("Fewer than {least} customers have points."),
        N_("Come back when more have."),
    ),
    "below_zero": (
        Plural(
            N_("Balance of {customers} customer falls below 0: the ledger begins later than the points (opening balance?)."),
            N_("Balance of {customers} customers falls below 0: the ledger begins later than the points (opening balance?)."),
            "customers",
        ),
        N_("Add a row of kind opening a customer (and day on which they end) with what they had before it begins."),
    ),
    "no_expiry": (
        N_("No expiry in {months} months and no rule: say points_live_days."),
        N_("It is a parameter of this notebook: days after which points end."),
    ),
    "short_ledger": (
        N_("The ledger of points is {weeks} weeks long, too short to see who spends them."),
        N_("Come back when it has {least} weeks."),
    ),
    "nothing_spent": (
        N_("Nobody has ever spent a point."),
        N_("Record what is spent with the kind spent."),
    ),
}  # fmt: skip
"""The reason, and what would change it."""

_TESTS = {
    "aimed_at": N_("customers aim at it: no effect can be told here"),
    "effect": N_("changes purchases"),
    "not_shown": N_("no effect shown"),
    "too_few": N_("too few customers near it"),
}


def verdict_word(verdict: str) -> str:
    """What a verdict on a cut is called."""
    return _(_TESTS[verdict])


def amount_in(rule: Rule | None, currency: str) -> Callable[..., str]:
    """What writes a value of what the rule counts: money, or purchases.

    Examples
    --------
    >>> amount_in(None, "KRW")(300000)
    '₩300,000'
    """
    return wording.count if rule and rule.metric == "orders" else wording.money_in(currency)


def data_words(made: Programme, owed: Owed) -> list[str]:
    """What of a programme is recorded."""
    if not made.any:
        return [
            _(
                "This shop records no loyalty programme: no points, no tiers, no referrals. What follows shows what a made-up line through its customers seems to do."
            ),
            _(
                "To learn more from a programme than this, record from its first day: every change of points with its expiry (points), every change of tier (tiers), the rule, who referred whom (referrals), and a tenth of customers, drawn by lot, who get nothing."
            ),
        ]
    said = []
    if owed.ledger.facts:
        facts = owed.ledger.facts
        said.append(
            _("{rows} rows of points of {customers} customers from {first} to {last}.").format(
                rows=wording.count(facts["rows"]), customers=wording.few(facts["customers"]),
                first=facts["first_day"], last=facts["last_day"],
            )
        )  # fmt: skip
    if owed.ledger.live_days:
        said.append(
            _("Where a row does not say when its points end, they end after {days}, as in the ledger so far or as the study says.").format(
                days=wording.days(owed.ledger.live_days)
            )
        )  # fmt: skip
    if made.tiers:
        days = ", ".join(str(day) for day in made.reviews)
        said.append(
            _("Tiers were set for many at once on {days}.").format(days=days)
            if days
            else _("Tiers change on all days and never for many at once: there is no review to compare.")
        )
    if made.tiers and made.rule is None:
        said.append(
            _("By which rule they are given is not known: say tier_rule, and its cuts can be judged.")
        )
    return said


def placebo_words(line: Placebo, window: Window, currency: str, rule: Rule | None = None) -> list[str]:
    """What a made-up line seems to do."""
    if not line.known:
        return [_("Too few customers lie on either side of a made-up line to show what it seems to do.")]
    money, counts = wording.money_in(currency), amount_in(rule, currency)
    days = wording.days((window.ends - window.day).days)
    said = [
        _(
            "We drew a line at {cut} through what customers had spent by {day}, afterwards, among customers who were all treated alike. In the next {days} those above it spent {times} times as much as those below."
        ).format(
            cut=counts(line.cut), day=window.day, days=days,
            times=wording.interval(line.times.value, line.times.low, line.times.high, wording.number),
        )
    ]  # fmt: skip
    if line.rise.known and line.fall.known and (rule is None or rule.metric != "orders"):
        said.append(
            _(
                "Those who crossed it had just spent {rise} more than in the period before, without a tier to aim at; in the period after it their spending changed by {fall}."
            ).format(
                rise=wording.interval(line.rise.value, line.rise.low, line.rise.high, money),
                fall=wording.interval(line.fall.value, line.fall.low, line.fall.high, money),
            )
        )  # fmt: skip
    said.append(
        _("A sound comparison of those just above with those just below finds {jump} purchases, {verdict}.").format(
            jump=_jump(line.jump),
            verdict=_("as it should: nothing beyond chance") if line.jump.p >= 0.05 else _("which is chance: of twenty such lines one looks so"),
        )
        if line.jump.known
        else _("Too few customers lie next to it for a comparison of just above with just below.")
    )  # fmt: skip
    return said


def placebo_title(line: Placebo) -> str:
    """The message of the picture of the made-up line."""
    if not line.known:
        return _("Too few customers for a made-up line")
    return _("A line that nobody knew of “makes” customers spend {times} times as much").format(
        times=wording.number(line.times.value, 1)
    )


def multiples_axis() -> str:
    """What the axis of that picture holds."""
    return _("money after, as a multiple of the others' (95 % interval)")


def points_axis() -> str:
    """What the axis of open points holds."""
    return _("points, by days since the customer's last purchase (95 % interval)")


def moves_axes() -> dict[str, str]:
    """What the axes of the moves hold."""
    return {"x": _("tier from then on"), "y": _("tier before")}


def cuts_axis(rule: Rule | None) -> str:
    """What the axis of the cuts holds."""
    if rule and rule.metric == "orders":
        return _("purchases that count")
    return _("money that counts")


def naive_rows(page: TierPage, real: pd.DataFrame) -> pd.DataFrame:
    """Rows of that picture: ``label``, ``value``, ``low``, ``high``, ``real`` (1 for a tier that there is)."""
    rows = []
    if page.placebo.known:
        each = page.placebo.times
        rows.append((_("made-up line: above against below"), each.value, each.low, each.high, 0))
    for row in real.to_dict("records"):
        label = _("{tier} against {lowest}").format(tier=row["tier"], lowest=page.tiers[0])
        rows.append((label, row["value"], row["low"], row["high"], 1))
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "real"])


def flow_words(owed: Owed) -> list[str]:
    """What came in and went; or why it is not counted."""
    if owed.ledger.why is not None:
        return [f"{reasons.reason(owed.ledger.why)} {reasons.remedy(owed.ledger.why)}"]
    said = [
        _("{issued} points came in; {spent} were spent, {expired} expired, {cancelled} were taken back.").format(
            **{
                name: wording.count(owed.totals[name]) if name in owed.totals else _("(hidden)")
                for name in ("issued", "spent", "expired", "cancelled")
            }
        )
    ]  # fmt: skip
    if len(owed.totals) < 4:
        said.append(_("Hidden is what fewer than five customers stand behind, and what would give it away."))
    if len(set(owed.quarters.values())) < len(owed.quarters):
        said.append(
            _("Quarters in which fewer than five customers stand behind a number are one with the next.")
        )
    if owed.why is not None:
        said.append(f"{reasons.reason(owed.why)} {reasons.remedy(owed.why)}")
    return said


def liability_words(owed: Owed, currency: str) -> list[str]:
    """What the open points owe."""
    result = owed.liability
    if result is None or not result.outstanding:
        return []
    unit = _value(result.point_value, currency)
    each = result.point_value or 1.0
    said = [
        (
            _(
                "{outstanding} points are open. We expect {expected} worth of them to be spent; the flat rate of {rate} says {flat}, because it forgets that open points belong to customers who keep silent."
            )
            if result.point_value
            else _(
                "{outstanding} points are open. We expect {expected} of them to be spent; the flat rate of {rate} says {flat}, because it forgets that open points belong to customers who keep silent."
            )
        ).format(
            outstanding=wording.count(result.outstanding), expected=wording.interval(result.expected * each, result.low * each, result.high * each, unit),
            rate=wording.share(owed.rate[0]), flat=unit(result.flat * each),
        )
    ]  # fmt: skip
    if result.unwatched > 0.01:
        said.append(
            _(
                "{share} of them live longer than anybody could be watched: there the mean of the weeks known goes on."
            ).format(share=wording.share(result.unwatched))
        )
    return said


def liability_title(owed: Owed) -> str:
    """The message of the picture by silence."""
    result = owed.liability
    if result is None or not result.outstanding:
        return _("No open points can be priced")
    return _("{share} of the open points will be spent; the longer the silence, the fewer").format(
        share=wording.share(result.expected / result.outstanding)
    )


def backtest_words(owed: Owed) -> list[str]:
    """How right the same was on earlier quarters."""
    tested = owed.backtest
    if owed.liability is None or tested is None:
        return []
    if not len(tested.table):
        return [
            _(
                "The ledger is too short to check the same on an earlier quarter: believe the interval less than it says."
            )
        ]
    said = [
        ngettext(
            "Asked on {quarters} earlier quarter, with nothing but what was known then, it was off by {error} on average; the interval held {held}.",
            "Asked on {quarters} earlier quarters, with nothing but what was known then, it was off by {error} on average; the interval held {held} of them.",
            len(tested.table),
        ).format(
            quarters=len(tested.table), error=wording.share(tested.error), held=int(tested.table["held"].sum())
        )
    ]  # fmt: skip
    if tested.flat_error == tested.flat_error:
        said.append(
            _("Where all points of that day have ended since, the flat rate was off by {flat}.").format(
                flat=wording.share(tested.flat_error)
            )
        )
    return said


def price_words(reward: Reward, currency: str) -> list[str]:
    """The price shared after IFRS 15."""
    if not reward.earning.orders or not reward.rate.known or not reward.point_value:
        return []
    money = wording.money_in(currency)
    shared = reward.allocation
    return [
        _(
            "In the last 52 weeks purchases of {sales} earned {points} points with a stand-alone price of {own}. By relative stand-alone prices (IFRS 15) {to_points} of the price belongs to the points and is revenue only when they are spent. This is a draft for the accountant."
        ).format(
            sales=money(reward.earning.sales), points=wording.count(reward.earning.points),
            own=money(shared.stand_alone), to_points=money(shared.points),
        )
    ]  # fmt: skip


def migration_words(moves: Migration | None) -> list[str]:
    """Who moved at the last review."""
    if moves is None or not len(moves.table):
        return []
    last = moves.table["review"].max()
    return [
        _("At the review of {day} {up} customers rose and {down} fell.").format(
            day=last, up=wording.few(moves.moved(last, 1)), down=wording.few(moves.moved(last, -1))
        )
    ]


def migration_title(moves: Migration | None) -> str:
    """The message of the picture of moves."""
    if moves is None or not len(moves.table):
        return _("No tiers are recorded")
    top, shares = moves.tiers[-1], moves.shares
    kept = shares.reindex(index=[top], columns=[top]).to_numpy(dtype=float)[0, 0]
    if kept != kept:
        return _("Where customers went from each tier at the last review")
    return _("Of {tier}, {share} kept the tier at the last review").format(
        tier=top, share=wording.share(float(kept))
    )


def threshold_words(page: TierPage, rule: Rule | None, currency: str) -> list[str]:
    """What may be said of each cut."""
    if rule is None:
        return [_("Without a rule there is no cut to judge.")]
    if not page.thresholds:
        return [_("No review is old enough to see what came after it.")]
    return [_threshold(each, rule, currency) for each in page.thresholds]


def threshold_titles(page: TierPage, rule: Rule | None, currency: str) -> list[str]:
    """The message of the picture of each cut."""
    how = amount_in(rule, currency)
    words = {"aimed_at": _("customers aim at it")}
    return [
        _("{tier} from {cut}: {what}").format(
            tier=each.tier, cut=how(each.cut), what=words.get(each.verdict, _("nobody is seen to aim at it"))
        )
        for each in page.thresholds
    ]


def reward_words(reward: Reward, currency: str, made: Programme) -> list[str]:
    """What the points cost, and what was shown to come of it."""
    if not (made.points or made.tiers):
        return [_("Nothing is given, so nothing is to be weighed.")]
    said = []
    if reward.rate.known and reward.point_value:
        said.append(
            _("Points cost {rate} of the sales that earn them.").format(
                rate=_interval(reward.rate, lambda v: wording.share(v, 1))
            )
        )
    money = wording.money_in(currency)
    said += [
        _(
            "{tier} brings {margin} margin a customer next to its cut in {days}, before what the tier costs, which no table says."
        ).format(tier=each.tier, margin=_interval(each.margin, money), days=wording.days(each.days))
        for each in reward.worth
    ]
    said.append(
        _(
            "That points themselves make anybody buy more is not verified: nobody was left without them at random. Hold out a tenth of new customers, and in a year it can be."
        )
    )
    return said


def referral_words(value: Referrals | None) -> list[str]:
    """Say whether the referred are worth more."""
    if value is None or not value.known:
        return [_("Too few referred customers could be compared with others of the same month and channel.")]
    what = _("margin") if value.by_margin else _("revenue")
    said = [
        _(
            "In the {days} after their first purchase {referred} referred customers brought {times} times the {what} of others of the same month and channel, and {difference} more of them bought again."
        ).format(
            days=wording.days(value.days), referred=wording.count(value.referred), what=what,
            times=_interval(value.margin, wording.number), difference=_interval(value.again, wording.points),
        )
    ]  # fmt: skip
    if value.by_margin:
        said.append(
            _("Of what they pay, {rate} more stays as margin than of what others pay.").format(
                rate=_interval(value.rate, wording.points)
            )
        )
    said.append(_("Who is referred differs in other ways too: this is no effect of being referred."))
    return said


def fraud_words(result: Fraud | None) -> str:
    """How many referrals are suspicious."""
    if result is None:
        return _("No referrals are recorded.")
    if not result.sessions_known and not result.same:
        return _("{referrals} referrals; whether some are one person cannot be told without sessions (events).").format(
            referrals=wording.few(result.referrals)
        )  # fmt: skip
    return _(
        "Of {referrals} referrals {same} name one customer twice, and in {shared} both were seen in one session on that day: suspected, not proven, as couples share a phone. Look before rewarding."
    ).format(
        referrals=wording.few(result.referrals), same=wording.few(result.same), shared=wording.few(result.shared)
    )  # fmt: skip


def claim_words(price: Claim | None, late: Claim | None) -> list[str]:
    """Two claims of the textbooks."""
    if price is None or not price.known:
        said = [
            _(
                "“Loyal customers care less about prices”: not tested, because no price was drawn by lot (price_experiment)."
            )
        ]
    else:
        said = [
            _("“Loyal customers care less about prices”: {verdict} The offer changed purchases of the loyal by {loyal} and of others by {others}, on the logarithm of purchases.").format(
                verdict=_claimed(price), loyal=_interval(price.loyal, wording.number),
                others=_interval(price.others, wording.number),
            )
        ]  # fmt: skip
    if late is None or not late.known:
        said.append(
            _("“Loyal customers forgive a late parcel”: not tested, because deliveries are not known.")
        )
    else:
        said.append(
            _("“Loyal customers forgive a late parcel”: {verdict} After one {loyal} more of the loyal stop buying, and {others} more of the others.").format(
                verdict=_claimed(late), loyal=_interval(late.loyal, wording.points),
                others=_interval(late.others, wording.points),
            )
        )  # fmt: skip
    return said


def _claimed(claim: Claim) -> str:
    return {
        "less": _("holds here."), "more": _("the opposite holds here."), "open": _("not shown here."),
    }[claim.verdict]  # fmt: skip


def _threshold(each: Threshold, rule: Rule, currency: str) -> str:
    how = amount_in(rule, currency)
    given: dict[str, Any] = {"tier": each.tier, "cut": how(each.cut)}
    if each.verdict == "aimed_at":
        b = each.bunching
        return _(
            "{tier} from {cut}: customers aim at it, {excess} more stand just above than expected. What the tier changes cannot be told there."
        ).format(**given, excess=wording.interval(b.excess, b.low, b.high, wording.count))
    if each.verdict == "too_few" or each.jump is None:
        return _("{tier} from {cut}: too few customers near it to tell anything.").format(**given)
    days = wording.days(rule.days)
    effect = _jump(each.jump)
    if each.verdict == "not_shown":
        return _(
            "{tier} from {cut}: nobody is seen to aim at it, and that it changes purchases in {days} is not shown: {effect}."
        ).format(**given, days=days, effect=effect)
    return _(
        "{tier} from {cut}: nobody is seen to aim at it, and customers just above make {effect} more purchases in {days} than those just below."
    ).format(**given, days=days, effect=effect)


def _jump(jump: Any) -> str:
    low, high = min(jump.low, jump.effect), max(jump.high, jump.effect)
    return wording.interval(jump.effect, low, high, wording.number)


def _interval(estimate: Estimate, how: Callable[..., str]) -> str:
    return wording.interval(estimate.value, estimate.low, estimate.high, how)


def _value(point_value: float, currency: str) -> Callable[..., str]:
    """What writes a value of points: money, or points where a point's worth is not known."""
    if point_value:
        return wording.money_in(currency)
    return lambda value: _("{points} points").format(points=wording.count(value))
