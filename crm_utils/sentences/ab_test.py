"""How is an experiment put into words? Each metric in its own unit, whole sentences, tables of text.

Conversions and rates are percentages, their differences percentage points (pp); money is in the study's
currency; orders have decimals. Saved tables and recorded numbers stay codes and numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.experiments import CATALOGUE, Experiment, Metric
from crm_utils.features.statistics import LEVEL, POWER, hide_small
from crm_utils.methods import ab_test as methods
from crm_utils.methods.ab_test import Experiments, Judged, NextTest, Targeting, validity_table
from crm_utils.methods.ab_test.effects import COMPARED
from crm_utils.methods.ab_test.validity import STOP_BELOW
from crm_utils.methods.ab_test.verdict import Verdict
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "alarm_rows",
    "alarms_title",
    "announce",
    "beliefs_table",
    "change_of",
    "declaration_table",
    "declared_sentence",
    "effects_table",
    "effects_title",
    "exposure_table",
    "level_of",
    "level_words",
    "looks_table",
    "metric_words",
    "narrower_sentence",
    "not_compared_sentence",
    "plan_sentence",
    "policies_table",
    "propose",
    "rivals_sentence",
    "rivals_table",
    "sequence_title",
    "size_title",
    "sizes_table",
    "smallest_sentence",
    "targeting_sentence",
    "triggered_sentence",
    "unit_of",
    "validity_words",
    "verdict_sentence",
    "warn_of",
    "with_and_without",
    "write_change",
    "write_value",
]

METRICS: dict[str, str] = {
    "conversion": N_("conversion"),
    "orders": N_("orders"),
    "revenue": N_("revenue"),
    "contribution": N_("contribution"),
    "order_value": N_("order value"),
    "return_rate": N_("return rate"),
    "unsubscribed": N_("opt-outs"),
    "messages": N_("messages"),
    "amount": N_("revenue"),
}


def metric_words(name: str) -> str:
    """A metric's name for people; one that a study made up is written as it stands there.

    Examples
    --------
    >>> metric_words("order_value"), metric_words("revenue_p90")
    ('order value', 'revenue p90')
    """
    return _(METRICS[name]) if name in METRICS else name.replace("_", " ")


def write_value(metric: Metric, currency: str, *, digits: int = 3) -> Callable[..., str]:
    r"""What writes a metric's value: a percentage, money, or a number with so many digits.

    Examples
    --------
    >>> names, values = ("conversion", "revenue", "orders"), (0.5, 73269.7, 0.5)
    >>> how = [write_value(Metric(name=name, **CATALOGUE[name]), "KRW") for name in names]
    >>> [write(value) for write, value in zip(how, values, strict=True)]
    ['50.0\xa0%', '₩73,270', '0.500']
    """
    if metric.of in ("amount", "contribution"):
        return wording.money_in(currency)
    if metric.is_rate:
        return lambda value: wording.share(value, 1)
    return lambda value: wording.number(value, digits)


def write_change(metric: Metric, currency: str, *, digits: int = 3) -> Callable[..., str]:
    """What writes a difference of a metric: as its value, but percentage points for a percentage.

    Examples
    --------
    >>> write_change(Metric(name="conversion", **CATALOGUE["conversion"]), "KRW")(0.0123)
    '1.2 pp'
    """
    if metric.is_rate:
        return wording.points
    return write_value(metric, currency, digits=digits)


def level_words(alpha: float = 1 - LEVEL) -> str:
    r"""The level of intervals that err with a chance of alpha.

    Examples
    --------
    >>> level_words(0.05), level_words(0.025)
    ('95\xa0%', '97.5\xa0%')
    """
    return f"{100 * (1 - alpha):.4g}\N{NBSP}%"


def change_of(one: Judged | None, *, currency: str) -> Callable[..., str]:
    """What writes a change of an experiment's primary metric, in short, for an axis."""
    return wording.number if one is None else write_change(one.experiment.primary, currency, digits=2)


def unit_of(one: Judged | None) -> str:
    """What an experiment's primary metric is called, on an axis."""
    return "" if one is None else metric_words(one.experiment.primary.name)


def level_of(one: Judged | None) -> str:
    """The level of the intervals of each arm of an experiment, so that all arms' hold together."""
    return "" if one is None else level_words(one.experiment.alpha / len(one.experiment.treatments))


# The next test


def plan_sentence(plan: NextTest) -> str:
    """Who could be in the next test, and whether they are enough to plan one."""
    if not plan.possible:
        template = ngettext(
            "{count} customer had an order in the {active} before {start}: too few to plan a test.",
            "{count} customers had an order in the {active} before {start}: too few to plan a test.",
            plan.customers,
        )
    else:
        template = _(
            "{count} customers had an order in the {active} before {start}. What they did in the {horizon} "
            "from then on says how large the next test has to be."
        )
    return template.format(
        count=wording.count(plan.customers), active=wording.days(plan.active_days),
        start=wording.calendar_day(plan.start),
        horizon=wording.days(plan.horizon_days),
    )  # fmt: skip


def smallest_sentence(plan: NextTest) -> str:
    """The smallest effects that a test of two halves finds; what does not vary has none."""
    if not plan.possible:
        return _("Ten customers are the least for a plan. Look again when more have come.")
    seen, unseen = (plan.smallest[plan.smallest["relative"].isna() == missing] for missing in (False, True))
    said = []
    if len(seen):
        effects = ", ".join(
            _("{metric} {change}").format(
                metric=metric_words(r["metric"]), change=wording.share(r["relative"], 1)
            )
            for r in seen.to_dict("records")
        )
        said.append(
            _(
                "A test of two halves of these customers finds changes, relative to today, of at least: "
                "{effects} ({power} power, {level} level). Smaller effects need more time, or another metric."
            ).format(effects=effects, power=wording.share(POWER), level=wording.share(1 - LEVEL))
        )
    if len(unseen):
        template = _(
            "Not even a doubling could be seen of: {metrics}. There are too few customers for these."
        )
        said.append(template.format(metrics=_listed(unseen["metric"])))
    if plan.unvaried:
        template = _("No sample size exists for: {metrics}. They are the same for everybody, or for so many.")
        said.append(template.format(metrics=_listed(plan.unvaried)))
    return " ".join(said)


def size_title(plan: NextTest) -> str:
    """The message of the curve of sizes."""
    template = _("Half the effect needs four times the customers; there are {count}")
    return template.format(count=wording.count(plan.customers))


def sizes_table(plan: NextTest, *, currency: str) -> wording.Table:
    """Customers and weeks that a test needs, each metric in its unit."""
    known = {metric.name: metric for metric in plan.metrics}
    rows = [
        {
            _("metric"): metric_words(row["metric"]),
            _("present value"): write_value(known[row["metric"]], currency)(row["now"]),
            _("change"): wording.share(row["lift"]),
            _("effect"): write_change(known[row["metric"]], currency)(row["effect"]),
            _("customers"): row["customers"],
            _("customers without covariate"): row["customers_plain"],
            _("weeks"): row["weeks"],
        }
        for row in plan.sizes.to_dict("records")
    ]
    caption = _(
        "Customers of both arms, with and without the covariate, and weeks until enough came and their "
        "horizon passed; pp: percentage points"
    )
    return wording.table(pd.DataFrame(rows), caption=caption)


def alarm_rows(plan: NextTest) -> pd.DataFrame:
    """A/A splits as rows to draw, named by metric and covariate."""
    covariate = plan.alarms["covariate"] == "yes"
    names = [
        (_("{metric}, with covariate") if with_it else _("{metric}")).format(metric=metric_words(name))
        for name, with_it in zip(plan.alarms["metric"], covariate, strict=True)
    ]
    return plan.alarms.assign(metric=names)


def alarms_title(plan: NextTest) -> str:
    """How many tests keep their promise on past customers."""
    held = (plan.alarms["low"] <= 1 - LEVEL) & (plan.alarms["high"] >= 1 - LEVEL)
    template = ngettext(
        "{held} of {all} tests raises as many false alarms as it promises",
        "{held} of {all} tests raise as many false alarms as they promise",
        int(held.sum()),
    )
    return template.format(held=int(held.sum()), all=len(held))


# What was declared, and whether it may be believed


def declared_sentence(book: Experiments) -> str:
    """How many experiments there are to judge."""
    if not book.declared:
        return _(
            "Nobody has declared an experiment in this study. Without customers assigned at random no effect "
            "can be separated from what would have happened anyway: the sections on experiments stay empty, "
            "and campaigns are looked at below."
        )
    if not book.assigned:
        return _("Experiments are declared, but the study has no table of assignments to judge them by.")
    waiting = len(book.declared) - len(book.judged) - len(book.unreadable)
    if not waiting:
        template = ngettext("{count} experiment is declared.", "{count} experiments are declared.",
                            len(book.declared))  # fmt: skip
        return template.format(count=len(book.declared))
    template = ngettext(
        "{count} experiment is declared; {waiting} have not begun.",
        "{count} experiments are declared; {waiting} have not begun.", len(book.declared),
    )  # fmt: skip
    return template.format(count=len(book.declared), waiting=waiting)


def declaration_table(book: Experiments, *, currency: str) -> wording.Table:
    """What was declared: a row an experiment, with the first letters of its fingerprint."""
    none = _("none")
    rows = [
        {
            _("experiment"): e.called,
            _("arms"): ", ".join(f"{arm} {weight:g}" for arm, weight in e.arms.items()),
            _("from"): str(e.starts_on),
            _("until"): str(e.ends_on or wording.MISSING),
            _("horizon, days"): str(e.horizon_days),
            _("primary"): metric_words(e.primary.name),
            _("guardrails (margin)"): ", ".join(
                f"{metric_words(g.metric.name)} ({write_change(g.metric, currency)(g.margin)})"
                for g in e.guardrails
            ) or none,
            _("money may fall by"): wording.share(e.money_margin, 1),
            _("looks"): ", ".join(map(str, e.looks)) or none,
            _("segments"): ", ".join(e.segments) or none,
            _("fingerprint"): e.fingerprint[:12],
        }
        for e in book.declared
    ]  # fmt: skip
    return wording.table(pd.DataFrame(rows), caption=_("Experiments as declared"))


_WARNINGS: dict[str, str] = {
    "nobody": N_("{experiment}: nobody is assigned yet."),
    "ratio_stop": N_(
        "The test “{experiment}” cannot be used: chance does not explain how large its groups are."
    ),
    "ratio_warning": N_(
        "The test “{experiment}”: its groups are not as large as planned; customers may be missing."
    ),
    "in_two_arms": N_("{experiment}: customers in two arms, left out: {customers}."),
    "before_the_start": N_("{experiment}: the first assignment, of {first}, lies before the start {start}."),
    "incomplete": N_(
        "{experiment}: customers whose horizon is not over, not in the effects yet: {customers}."
    ),
    "no_end": N_(
        "{experiment}: it has no declared end. Without ends_on or customers it is never complete, and its "
        "intervals have to hold at every look."
    ),
    "closed_arm": N_(
        "{experiment}: the arm {arm} is closed (weight 0) and has customers; it is compared with none."
    ),
}
_LOUD = ("ratio_stop", "ratio_warning")


def warn_of(warn: Callable[[str], None], say: Callable[[str], None], book: Experiments) -> None:
    """Say what a reader has to know of each experiment: a sample ratio that is off as a warning."""
    for called, error in book.unreadable.items():
        warn(_("{experiment} cannot be judged: {error}").format(experiment=called, error=error))
    for one in book.judged:
        for code, numbers in one.warnings:
            written = {
                name: _p(value) if name == "p" else wording.count(value) if isinstance(value, int) else value
                for name, value in numbers.items()
            }
            (warn if code in _LOUD else say)(
                _(_WARNINGS[code]).format(experiment=one.experiment.called, **written)
            )


_RATIOS = {"passed": N_("passed"), "warning": N_("warning"), "stop": N_("void")}


def validity_words(book: Experiments) -> wording.Table:
    """Whether each experiment may be believed, as a table."""
    frame = validity_table(book.judged)
    rows = [
        {
            _("experiment"): row["experiment"],
            _("customers"): ", ".join(f"{arm} {wording.count(n)}" for arm, n in row["arms"].items()),
            _("sample ratio, p"): _p(row["srm_p"]),
            _("sample ratio"): _(_RATIOS[row["sample_ratio"]]),
            _("in two arms"): row["in_two_arms"],
            _("imbalance, s.d."): wording.number(row["imbalance"]),
            _("five largest customers"): wording.share(row["largest_share"], 1),
        }
        for row in frame.to_dict("records")
    ]
    caption = _(
        "Arms, sample ratio, customers in two arms, largest difference before (standard deviations), the five "
        "largest customers' share of an arm's money"
    )
    return wording.table(pd.DataFrame(rows), caption=caption)


def exposure_table(book: Experiments) -> wording.Table | None:
    """Who got the treatment's message, by assigned arm; None where no campaign is declared for an arm."""
    one = book.chosen
    if one is None or one.exposure.empty:
        return None
    template = _(
        "{experiment}: who got the treatment's message, by assigned arm; before: ahead of the assignment"
    )
    names = {
        "campaign_id": _("campaign"),
        "arm": _("arm"),
        "customers": _("customers"),
        "before": _("before"),
    }
    return wording.table(
        hide_small(one.exposure), caption=template.format(experiment=one.experiment.called), names=names
    )


# Effects


def effects_title(one: Judged | None) -> str:
    """The message of the picture of effects: the primary metric's relative change, or its effect."""
    if one is None:
        return ""
    arm = one.experiment.treatments[0]
    row, name = one.held(one.experiment.primary.name, arm), one.experiment.primary.name
    template = _("{experiment}, {arm}: {metric} {change} against {control}")
    value, low, high = (row.get(end) for end in ("relative", "relative_low", "relative_high"))
    return template.format(
        experiment=one.experiment.called, arm=metric_words(arm), metric=metric_words(name),
        change=wording.interval(value, low, high, wording.share),
        control=metric_words(one.experiment.control),
    )  # fmt: skip


_STATUS: dict[str, str] = {
    "nobody": N_("nobody is in an arm yet"),
    "too_few": N_("too few customers in an arm"),
    "constant": N_("everybody has the same value"),
    "no_denominator": N_("an arm has nothing to divide by"),
    "unknown": N_("these data do not hold it"),
    "equal_values": N_("too many customers share the value there; choose another q, or conversion"),
}


def not_compared_sentence(one: Judged | None) -> str:
    """Which metrics could not be compared, and why."""
    if one is None:
        return _("There is no experiment whose effects could be read.")
    rows = one.effects[one.effects["status"] != COMPARED]
    if rows.empty:
        return _("Every metric could be compared.")
    named = {
        (row["metric"], row["status"]): _("{metric} ({reason})").format(
            metric=metric_words(row["metric"]), reason=_(_STATUS[row["status"]])
        )
        for row in rows.to_dict("records")
    }
    return _("Not compared: {metrics}.").format(metrics=", ".join(named.values()))


def narrower_sentence(one: Judged | None) -> str:
    """By how much the covariate made intervals narrower."""
    if one is None:
        return _("Without effects there is no covariate to judge.")
    rows = one.effects[one.effects["theta"].fillna(0).astype(float) != 0]
    before = (rows["high_plain"] - rows["low_plain"]).astype(float)
    saved = 1 - (rows["high"] - rows["low"]).astype(float)[before > 0] / before[before > 0]
    if saved.empty:
        return _(
            "No covariate: nothing before the assignment is known of these customers, or it never varies."
        )
    template = _("What customers did before makes intervals {least} to {most} narrower.")
    return template.format(least=wording.share(saved.min()), most=wording.share(saved.max()))


def effects_table(one: Judged | None, *, currency: str) -> wording.Table | None:
    """Every effect as text, in its metric's unit; those that could not be compared are left out."""
    if one is None:
        return None
    template = (
        _("{experiment}: a customer's mean in each arm and their difference; {level} intervals that hold at "
          "every look, for all arms together; pp: percentage points")
        if one.always
        else _("{experiment}: a customer's mean in each arm and their difference; {level} intervals for all "
               "arms together; pp: percentage points")
    )  # fmt: skip
    caption = template.format(experiment=one.experiment.called, level=level_words(one.experiment.alpha))
    return wording.table(effects_written(one, currency=currency), caption=caption)


def effects_written(one: Judged, *, currency: str) -> pd.DataFrame:
    """Every effect of an experiment as text: metric, arm, control, treatment, effect, p, p corrected."""
    rows = []
    for row in one.holding[one.holding["status"] == COMPARED].to_dict("records"):
        metric = _metric(one.experiment, row["metric"])
        change = write_change(metric, currency)
        value = wording.alike(write_value(metric, currency), [float(row["control"]), float(row["treatment"])])
        rows.append({
            _("metric"): metric_words(row["metric"]), _("arm"): row["arm"],
            _("control"): value(row["control"]), _("treatment"): value(row["treatment"]),
            _("effect"): wording.interval(row["effect"], row["low"], row["high"], change),
            _("relative"): wording.interval(row["relative"], row["relative_low"], row["relative_high"],
                                            wording.share),
            _("p"): _p(row["p"]), _("p, corrected"): _p(row["p_adjusted"]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def triggered_sentence(one: Judged | None, *, currency: str) -> str:
    """What is so among customers who could notice the treatment."""
    rows = one.triggered[one.triggered["role"] == "primary"] if one and len(one.triggered) else pd.DataFrame()
    if one is None or rows.empty or rows.iloc[0]["status"] != COMPARED:
        return _("No trigger is declared, or nobody met it.")
    row, change = rows.iloc[0], write_change(one.experiment.primary, currency)
    fair = (
        _("The treatment itself brings customers to the trigger: only the effect on all is fair.")
        if row["ratio_p"] < STOP_BELOW
        else _("Where the treatment itself brings customers to the trigger, only the effect on all is fair.")
    )
    template = _(
        "{share} of customers met the declared trigger (their sample ratio: p {p}). Their effect on "
        "{metric} is {effect}, {on_all} spread over all assigned."
    )
    sentence = template.format(
        share=wording.share(row["share"]), p=_equals(row["ratio_p"]), metric=metric_words(row["metric"]),
        effect=wording.interval(row["effect"], row["low"], row["high"], change), on_all=change(row["on_all"]),
    )  # fmt: skip
    return f"{sentence} {fair}"


def beliefs_table(one: Judged | None) -> wording.Table | None:
    """The Bayesian view of conversion; None without customers to compare."""
    frame = methods.beliefs_table(one)
    if frame.empty:
        return None
    names = {"arm": _("arm"), "control": _("control"), "treatment": _("treatment"),
             "chance_to_win": _("chance that the arm is better"), "risk_treatment": _("loss if it is chosen"),
             "risk_control": _("loss if the control is chosen")}  # fmt: skip
    rates = dict.fromkeys(["control", "treatment", "chance_to_win"], lambda value: wording.share(value, 1))
    losses = dict.fromkeys(["risk_treatment", "risk_control"], lambda value: wording.points(value, 2))
    caption = _(
        "Conversion under flat priors: rates, chance that the arm beats the control, rate lost on average by "
        "each choice; pp: percentage points"
    )
    return wording.table(frame, caption=caption, names=names, formats=rates | losses)


# Looking early, and arm against arm


def sequence_title(one: Judged | None) -> str:
    """Since when the sequence has excluded no effect, and whether it still does."""
    if one is None:
        return ""
    arm = one.experiment.treatments[0]
    if one.experiment.looks:
        return _looks_title(one, arm)
    path = one.sequence[one.sequence["arm"] == arm]
    sure = path[path["decided"].astype(bool)]["day"]
    named = {"experiment": one.experiment.called, "arm": metric_words(arm)}
    if not len(sure):
        return _("{experiment}, {arm}: looking every day has not decided it").format(**named)
    if bool(path["decided"].iloc[-1]):
        return _("{experiment}, {arm}: decided on {day}, for any number of looks").format(
            day=wording.calendar_day(sure.iloc[0]), **named
        )
    template = _("{experiment}, {arm}: crossed on {day}; today it is open again")
    return template.format(day=wording.calendar_day(sure.iloc[0]), **named)


def _looks_title(one: Judged, arm: str) -> str:
    crossed = one.looks[(one.looks["arm"] == arm) & one.looks["crossed"].astype(bool)]
    template = _("{experiment}, {arm}: beyond its bound at the planned look of {day}")
    if crossed.empty:
        template = _("{experiment}, {arm}: no planned look has crossed its bound")
    day = "" if crossed.empty else crossed["day"].iloc[0]
    return template.format(
        experiment=one.experiment.called, arm=metric_words(arm), day=wording.calendar_day(day)
    )


def looks_table(one: Judged | None) -> wording.Table | None:
    """The planned looks that have passed, and the end; None without any."""
    if one is None or one.looks.empty:
        return None
    crossed = one.looks["crossed"].map({True: _("yes"), False: _("no")})
    names = {"arm": _("arm"), "day": _("day"), "customers": _("customers"), "fraction": _("share of planned"),
             "z": "z", "bound": _("bound"), "crossed": _("crossed")}  # fmt: skip
    return wording.table(
        one.looks.assign(crossed=crossed)[list(names)],
        caption=_("Planned looks and the end: share of planned customers, z and its bound"),
        names=names, formats={"fraction": wording.share},
    )  # fmt: skip


def rivals_sentence(one: Judged | None, *, currency: str) -> str:
    """Which arm is recommended, and the chance of regretting it."""
    if one is None:
        return _("There is no experiment with arms to compare.")
    if len(one.experiment.treatments) == 1:
        return _("There is one treatment: its comparison with the control is all there is.")
    best = one.rivals
    if best.recommended is None or best.regret is None or best.loss is None:
        return _("No treatment worked, so none is recommended.")
    metric = _metric(one.experiment, best.metric)
    template = _(
        "Recommended: {arm}. The chance that another arm, or none, brings more {metric} is {regret}; "
        "choosing it loses {loss} a customer on average."
    )
    return template.format(
        arm=metric_words(best.recommended), metric=metric_words(best.metric),
        regret=wording.share(best.regret, 1), loss=write_change(metric, currency)(best.loss),
    )  # fmt: skip


def rivals_table(one: Judged | None, *, currency: str) -> wording.Table | None:
    """The treatments against each other, corrected for their number; None where there is one."""
    if one is None or one.rivals.table.empty:
        return None
    rows = []
    for row in one.rivals.table.to_dict("records"):
        change = write_change(_metric(one.experiment, row["metric"]), currency)
        rows.append({
            _("metric"): metric_words(row["metric"]), _("arm"): row["arm"], _("less"): row["other"],
            _("difference"): wording.interval(row["effect"], row["low"], row["high"], change),
            _("p, corrected"): _p(row["p_adjusted"]),
        })  # fmt: skip
    caption = _("Arm against arm: intervals of all pairs together; pp: percentage points")
    return wording.table(pd.DataFrame(rows), caption=caption)


# For whom


def targeting_sentence(by_arm: Mapping[str, Targeting | None], *, currency: str) -> str:
    """Whether choosing by a model is worth it, for each arm."""
    if not by_arm:
        return _("There is no experiment from which a model could learn for whom.")
    money, said = wording.money_in(currency), []
    for arm, one in by_arm.items():
        if one is None:
            template = _(
                "{arm}: nothing is known of these customers that differs, or there are too few; a model has "
                "nothing to choose by."
            )
            said.append(template.format(arm=metric_words(arm)))
            continue
        template = (
            _("{arm}: choosing is worth it. Contacting those with a predicted gain instead of all changes "
              "{outcome} by {gain} a customer.")
            if one.worth_it
            else _("{arm}: choosing is not shown to be worth it; contact all, or none. Contacting those with "
                   "a predicted gain instead of all changes {outcome} by {gain} a customer.")
        )  # fmt: skip
        gain = wording.interval(*one.against_all, money)
        said.append(template.format(arm=metric_words(arm), outcome=metric_words(one.outcome), gain=gain))
        p = one.groups["p_calibrated"].iloc[0] if len(one.groups) else None
        if p is not None and p < 1 - LEVEL:
            template = _("Its predictions are off (p {p}): use their order, not their size.")
            said.append(template.format(p=_equals(p)))
    return " ".join(said)


_POLICIES = {
    "targeted": N_("those with a predicted gain"), "all": N_("all"), "none": N_("none"),
    "targeted − all": N_("those with a predicted gain, instead of all"),
    "targeted − none": N_("those with a predicted gain, instead of none"),
}  # fmt: skip


def policies_table(by_arm: Mapping[str, Targeting | None], *, currency: str) -> wording.Table | None:
    """What each policy is worth, and predicted against observed effects in groups; None without a model."""
    money, rows = wording.money_in(currency), []
    for arm, one in by_arm.items():
        if one is None:
            continue
        for row in one.policies.to_dict("records"):
            rows.append({
                _("arm"): arm, _("who is contacted"): _(_POLICIES[row["policy"]]),
                _("share"): wording.share(row["contacted"]), _("predicted"): wording.MISSING,
                _("a customer"): wording.interval(row["value"], row["low"], row["high"], money),
            })  # fmt: skip
        for row in one.groups.to_dict("records"):
            rows.append({
                _("arm"): arm,
                _("who is contacted"): _("group {group} of {groups} by predicted gain: its effect").format(
                    group=row["group"], groups=len(one.groups)),
                _("share"): wording.share(row["customers"] / one.groups["customers"].sum()),
                _("predicted"): money(row["predicted"]),
                _("a customer"): wording.interval(row["effect"], row["low"], row["high"], money),
            })  # fmt: skip
    if not rows:
        return None
    template = _(
        "What a policy brings a customer of all, and the effect in groups by prediction; {level} intervals"
    )
    return wording.table(pd.DataFrame(rows), caption=template.format(level=level_words()))


# The verdict

_HEADS: dict[tuple[str, str], str] = {
    ("ship", "better"): N_("Use {what} for all: {metric} improved by {effect}."),
    ("ship", "second"): N_(
        "Works as well: {what}; {metric} improved by {effect}. But use {best}, which brought more in the test."
    ),
    ("ship", "why"): N_("{Metric} improved by {effect}."),
    ("stop", "guardrail"): N_("Stop {what}. It does more harm than the limit set beforehand: {metrics}."),
    ("stop", "worse"): N_("Stop {what}. It made {metric} worse: {effect}."),
    ("stop", "costs"): N_("Stop {what}. It costs more than it brings."),
    ("go on", "coming"): N_(
        "Let {what} go on: it is not over for every customer. The change in {metric} so far: {effect}."
    ),
    ("cannot tell", "money_open"): N_(
        "Cannot tell for {what}. It improved {metric} by {effect}, but may cost more than it brings."
    ),
    ("cannot tell", "guardrail_open"): N_(
        "Cannot tell for {what}. It improved {metric} by {effect}, but may do more harm than "
        "the limit set beforehand: {metrics}."
    ),
    ("cannot tell", "not_corrected"): N_(
        "Cannot tell for {what}. The change in {metric}, {effect}, may be chance: several "
        "things were compared."
    ),
    ("cannot tell", "undecided"): N_(
        "Cannot tell for {what}. The change in {metric}, {effect}, may be a gain or a loss."
    ),
}
_HEAD_OTHER = N_("Cannot tell for {what}. Its main measure, {metric}, could not be compared: {reason}.")
_WAITING = N_("Let {what} go on. Its main measure, {metric}, cannot be compared yet: {reason}.")


def verdict_sentence(one: Judged, verdict: Verdict, *, currency: str, says: str = "") -> str:
    """The verdict on a treatment: what to do, why, and what it does to the money; "" where it is void.

    With ``says="why"`` what to do is left to whoever shows it; an arm that works, but less than another, says so.
    """
    if verdict.word == "none":
        return ""
    plan, primary = one.experiment, one.experiment.primary
    row, change = one.held(primary.name, verdict.arm), write_change(primary, currency)
    effect = wording.interval(row["effect"], row["low"], row["high"], change) if row else wording.MISSING
    if row and not (primary.is_rate or primary.kind in ("ratio", "quantile")):
        effect = _("{effect} a customer").format(effect=effect)
    named = {"what": _what(plan, verdict.arm), "metric": metric_words(primary.name), "effect": effect,
             "metrics": _listed(verdict.metrics[1:] or verdict.metrics)}  # fmt: skip
    best = one.rivals.recommended
    if row:
        code = "second" if best not in (None, verdict.arm) else says or verdict.code
        head = _HEADS[verdict.word, code if verdict.word == "ship" else verdict.code]
        named |= {"best": _what(plan, best or verdict.arm), "Metric": _capital(metric_words(primary.name))}
        said = [_(head).format(**named)]
    else:
        status = one.effect(primary.name, verdict.arm).get("status", "unknown")
        head = _WAITING if verdict.word == "go on" else _HEAD_OTHER
        head = _HEADS[verdict.word, verdict.code] if verdict.word == "stop" else head
        said = [_(head).format(reason=_(_STATUS[status]), **named)]
    said.append(_money_sentence(one, verdict.arm, currency))
    said.append(_crossed_sentence(one, verdict, effect, currency))
    if one.always and row:
        said.append(_("The interval holds however often one looks."))
    if one.ratio.verdict == "warning":
        template = _("Careful: its groups are not as large as planned; customers may be missing.")
        said.append(template)
    return " ".join(filter(None, said))


def _money_sentence(one: Judged, arm: str, currency: str) -> str:
    rows = one.money[one.money["arm"] == arm].to_dict("records")
    if not rows or not one.held(rows[0]["metric"], arm):
        return _("What it does to the money is not known.")
    row, money = rows[0], wording.money_in(currency)
    template = {
        "held": _("{metric} changes by {effect} a customer: a loss of more than {margin} is ruled out."),
        "lost": _("{metric} changes by {effect} a customer: money is lost."),
        "open": _("{metric} changes by {effect} a customer: a loss of more than {margin} is not ruled out."),
    }[row["state"]]  # fmt: skip
    effect = wording.interval(row["effect"], row["low"], row["high"], money)
    metric = _capital(metric_words(row["metric"]))
    return template.format(metric=metric, effect=effect, margin=money(row["margin"]))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _crossed_sentence(one: Judged, verdict: Verdict, effect: str, currency: str) -> str:
    if verdict.crossed_on is None:
        return ""
    row = one.held(one.experiment.primary.name, verdict.arm)
    template = _("This was clear at the planned look of {day}.")
    if not row or row["low"] <= 0 <= row["high"]:
        template = _(
            "It seemed clear at the planned look of {day}; now it is {effect}, which may be nothing."
        )
    said = [template.format(day=wording.calendar_day(str(verdict.crossed_on)[:10]), effect=effect)]
    if verdict.arm in one.adjusted:
        change = write_change(one.experiment.primary, currency)
        template = _(
            "Stopping early exaggerates: adjusted for that, the effect is about {effect}. That is right on "
            "average over all tests; after a very early stop it may be smaller still."
        )
        said.append(template.format(effect=change(one.adjusted[verdict.arm])))
    return " ".join(said)


def announce(finding: Callable[[str], None], book: Experiments, *, currency: str) -> None:
    """Answer the question: how many worked; then each verdict, what worked first."""
    finding(_summary(book))
    order = ("ship", "stop", "go on", "cannot tell")
    verdicts = [(one, verdict) for one in book.judged for verdict in one.verdicts if verdict.word != "none"]
    for one, verdict in sorted(verdicts, key=lambda pair: order.index(pair[1].word)):
        finding(verdict_sentence(one, verdict, currency=currency))


def _summary(book: Experiments) -> str:
    if not book.judged:
        return _(
            "No experiment can be judged yet, so no treatment here is tested. Declare one in the study and "
            "assign customers at random."
        )
    words = [verdict.word for one in book.judged for verdict in one.verdicts]
    counted = {
        "ship": _("worked: {count}"),
        "stop": _("to stop: {count}"),
        "go on": _("still running: {count}"),
        "cannot tell": _("not clear: {count}"),
        "none": _("cannot be used: {count}"),
    }
    parts = [text.format(count=words.count(word)) for word, text in counted.items() if word in words]
    return _("Treatments tested: {all}; {list}.").format(all=len(words), list="; ".join(parts))


def propose(act: Callable[..., None], book: Experiments, plan: NextTest, *, currency: str) -> None:
    """Turn verdicts into actions: ship to all who ordered lately, stop, or do not use a void test."""
    for one in book.judged:
        if one.word == "none":
            why = _(
                "Chance does not explain how large its groups are. Fix the random assignment and run it again."
            )
            verb = _("Do not use the test “{experiment}”").format(experiment=one.experiment.called)
            act(
                verb,
                _("customers assigned"),
                customers=one.customers,
                why=why,
                avoid=True,
                certainty="tested",
            )
            continue
        for verdict in one.verdicts:
            if verdict.word not in ("ship", "stop") or one.rivals.recommended not in (None, verdict.arm):
                continue
            sign = 1 if verdict.word == "ship" else -1
            verb = _("Use {what} for") if sign > 0 else _("Stop {what} for")
            count = one.customers if one.newcomers else plan.customers
            regular = _("customers with an order in {days}").format(days=wording.days(plan.active_days))
            audience = _("customers as new as those tested") if one.newcomers else regular
            act(
                verb.format(what=_what(one.experiment, verdict.arm)), audience,
                customers=count, certainty="tested",
                why=f"{verdict_sentence(one, verdict, currency=currency, says='why')} {_beyond(one, count)}",
                **_gain(one, verdict, sign * count),
            )  # fmt: skip


def _beyond(one: Judged, customers: int) -> str:
    """That a sample was tested and others are meant; and that gains of several tests do not add up."""
    template = (
        _("Tested on {tested} customers of whom hardly any had bought before: it says nothing of others, and the "
          "numbers are those of as many newcomers.")
        if one.newcomers
        else _("Tested on {tested} customers: for all these {customers} it holds if they react as those "
               "did, and if no other tested treatment reaches them too.")
    )  # fmt: skip
    tested = sum(sums.n for sums in one.sums.values())
    return template.format(tested=wording.count(tested), customers=wording.count(customers))


def _gain(one: Judged, verdict: Verdict, times: int) -> dict[str, Any]:
    """What shipping to all, or stopping, brings over the horizon; of contribution alone, net of cost."""
    ends = [end for end in one.worth("contribution", verdict.arm, times=times) if end is not None]
    if len(ends) < 3 or any(math.isinf(end) for end in ends) or verdict.code == "guardrail":
        return {}
    horizon = one.experiment.horizon_days
    return {"gain": ends[0], "low": min(ends), "high": max(ends), "horizon_days": horizon}


def with_and_without(book: Experiments, *, currency: str) -> str:
    """The primary effects with the covariate and without it."""
    said = []
    for one in book.judged:
        row = one.effect(one.experiment.primary.name, one.experiment.treatments[0])
        if one.word == "none" or row.get("status") != COMPARED or not row.get("theta"):
            continue
        change = write_change(one.experiment.primary, currency)
        plain = wording.interval(row["effect_plain"], row["low_plain"], row["high_plain"], change)
        template = _("{experiment}, {metric}: {effect} with the covariate, {plain} without it.")
        said.append(template.format(experiment=one.experiment.called, metric=metric_words(row["metric"]),
                                    effect=change(row["effect"]), plain=plain))  # fmt: skip
    return " ".join(said) or _("There is no effect to look at in two ways.")


def _what(experiment: Experiment, arm: str) -> str:
    """A treatment by its experiment's title, and first by its own name where there are several."""
    if len(experiment.treatments) == 1:
        return _("“{experiment}”").format(experiment=experiment.called)
    return _("{arm} (test “{experiment}”)").format(experiment=experiment.called, arm=metric_words(arm))


def _listed(names: Sequence[str] | pd.Series[str]) -> str:
    return ", ".join(metric_words(name) for name in names)


def _metric(experiment: Experiment, name: str) -> Metric:
    declared = {metric.name: metric for metric in experiment.all_metrics}
    return declared[name] if name in declared else Metric(name=name, **CATALOGUE[name])


def _p(value: float | None) -> str:
    return (
        wording.MISSING if value is None or pd.isna(value) else f"{value:.2g}" if value >= 1e-4 else "<0.0001"
    )


def _equals(value: float | None) -> str:
    """A p-value inside a sentence: ``= 0.02``, ``< 0.0001``."""
    shown = _p(value)
    return f"< {shown[1:]}" if shown.startswith("<") else f"= {shown}"
