"""What do the lists and tables on lifetime value hold? Names, meanings and units of their columns."""

from __future__ import annotations

import pandas as pd

from crm_utils import wording
from crm_utils.methods.lifetime_value import ALL, Contest, Fits, Honesty, Independence, NewCustomers
from crm_utils.tools.language import _, ngettext

__all__ = [
    "channel",
    "choice_table",
    "contender_names",
    "contest_columns",
    "coverage_table",
    "curve_columns",
    "fit_table",
    "group_columns",
    "group_table",
    "measured_table",
    "new_columns",
    "new_table",
    "order_value_table",
    "prospect_columns",
    "value_columns",
]

Columns = dict[str, tuple[str, str]]


def contender_names() -> dict[str, str]:
    """Contenders as a page calls them."""
    return {
        "last_window": _("spend of the last window"),
        "mean_rate": _("own rate × mean order"),
        "cell_mean": _("mean of similar customers"),
        "bg_nbd": _("BG/NBD × order value"),
        "mbg_nbd": _("MBG/NBD × order value"),
        "pareto_nbd": _("Pareto/NBD × order value"),
        "boosting": _("gradient boosting"),
        "nbd": _("NBD, nobody leaves"),
    }


def channel(name: str) -> str:
    """An acquisition channel, or all of them.

    Examples
    --------
    >>> channel("*"), channel("search")
    ('all channels', 'search')
    """
    return _("all channels") if name == ALL else name


def fit_table(fits: Fits) -> wording.Table:
    """How much better each model of purchases fits than the one in which nobody leaves."""
    names = {"bg_nbd": "BG/NBD", "mbg_nbd": "MBG/NBD", "pareto_nbd": "Pareto/NBD", "nbd": "NBD"}
    table = fits.table()
    shown = table.assign(
        model=table["model"].map(names), seen=table["seen"].map({True: _("yes"), False: _("no")})
    )
    return wording.table(
        shown,
        caption=_("Models of purchases on the last day known; in NBD nobody leaves"),
        formats={"ahead": lambda v: wording.number(v, 1), "leaving_share": lambda v: wording.share(v, 1)},
        names={
            "model": _("model"), "ahead": _("log-likelihood above NBD"), "seen": _("leaving is seen"),
            "leaving_share": _("chance of leaving after a purchase"),
        },
    )  # fmt: skip


def choice_table(contest: Contest, currency: str) -> wording.Table:
    """Whom the validation origins chose, in the unit of money: roots of squared errors."""
    table = contest.choice
    shown = pd.DataFrame({
        "contender": table["contender"].map(contender_names()), "rmse": table["loss"] ** 0.5,
        "within": (table["behind"] <= table["error"]).map({True: _("yes"), False: _("no")}),
        "chosen": table["chosen"].map({True: _("chosen"), False: ""}),
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("The choice on the validation origins: the simplest within one standard error of the best"),
        formats={"rmse": wording.money_in(currency)},
        names={
            "contender": _("forecast"), "rmse": _("root mean squared error"),
            "within": _("within one standard error"), "chosen": _("choice"),
        },
    )  # fmt: skip


def measured_table(contest: Contest, currency: str) -> wording.Table:
    """All measures on the test origins."""
    wide = contest.measured.pivot_table(index="contender", columns="measure", values="value", sort=False)
    wide = wide.reindex(columns=["rmse", "mae", "bias", "gini"]).reset_index()
    money = wording.money_in(currency)
    return wording.table(
        wide.assign(contender=wide["contender"].map(contender_names())),
        caption=_("On the test origins, which had no say in the choice"),
        formats={"rmse": money, "mae": money, "bias": wording.share, "gini": wording.number},
        names={
            "contender": _("forecast"), "rmse": _("root mean squared error"), "mae": _("mean absolute error"),
            "bias": _("total too high (+) or low (−)"), "gini": _("ranking (1 is perfect)"),
        },
    )  # fmt: skip


def order_value_table(independent: Independence, currency: str) -> wording.Table:
    """The mean value of an order by the number of orders."""
    rows = independent.groups
    spans = [
        ngettext("{fewest} day", "{fewest} to {most} days", 1 if few == many else 2).format(
            fewest=wording.count(few), most=wording.count(many)
        )
        for few, many in zip(rows["fewest"], rows["most"], strict=True)
    ]
    money = wording.money_in(currency)
    return wording.table(
        rows[["customers", "value", "low", "high"]].assign(days=spans)[
            ["days", "customers", "value", "low", "high"]
        ],
        caption=_("Mean value of an order day by how many order days a customer has, 95 % intervals"),
        formats=dict.fromkeys(["value", "low", "high"], money),
        names={
            "days": _("order days"), "customers": _("customers"), "value": _("an order day brings"),
            "low": _("from"), "high": _("to"),
        },
    )  # fmt: skip


def coverage_table(honesty: Honesty, currency: str) -> wording.Table:
    """How often 90 % intervals held, by fifth of the forecast."""
    kinds = {"conformal": _("from past errors"), "own": _("the model's own")}
    rows = honesty.covered[honesty.covered["customers"] >= 5]
    groups = rows["group"].map(lambda g: _("all") if g == 0 else wording.count(g))
    shown = rows.assign(kind=rows["kind"].map(kinds), group=groups)
    return wording.table(
        shown[["kind", "group", "customers", "covered", "low", "high", "width"]],
        caption=_("How many of the 90 % intervals held on the test origins, by fifth of the forecast"),
        formats=dict.fromkeys(["covered", "low", "high"], wording.share)
        | {"width": wording.money_in(currency)},
        names={
            "kind": _("interval"), "group": _("fifth, lowest first"), "customers": _("forecasts"),
            "covered": _("held"), "low": _("from"), "high": _("to"), "width": _("mean width"),
        },
    )  # fmt: skip


def group_table(groups: pd.DataFrame, currency: str) -> wording.Table:
    """What groups of customers are expected to bring."""
    money = wording.money_in(currency)
    kinds = {"segment": _("segment"), "acquisition_channel": _("won by")}
    names = {
        "kind": _("by"), "group": _("group"), "customers": _("customers"), "alive": _("still there"),
        "value_52_weeks": _("spend"), "margin_value": _("margin"), "margin_each": _("margin a customer"),
    }  # fmt: skip
    formats = dict.fromkeys(["value_52_weeks", "margin_value", "margin_each"], money)
    if groups["alive"].notna().any():
        formats["alive"] = wording.share
    else:
        del names["alive"]
    return wording.table(
        groups.assign(kind=groups["kind"].map(kinds))[list(names)],
        caption=_("What groups are expected to bring in 52 weeks; the margin is discounted"),
        formats=formats,
        names=names,
    )


def new_table(new: NewCustomers, currency: str) -> wording.Table:
    """What new customers bring, and what one may cost."""
    money = wording.money_in(currency)
    rows = new.table.assign(acquisition_channel=new.table["acquisition_channel"].map(channel))
    kept = [
        "acquisition_channel", "customers", "value_0", "value_30", "value_90", "value_365", "bid_cap", "cost",
        "payback_days",
    ]  # fmt: skip
    return wording.table(
        rows[kept],
        caption=_("Discounted margin of a new customer by days since the first order, and what one may cost"),
        formats=dict.fromkeys(
            ["value_0", "value_30", "value_90", "value_365", "bid_cap", "cost"], money
        ),
        names={
            "acquisition_channel": _("won by"), "customers": _("new customers"),
            "value_0": _("on the first day"), "value_30": _("by day 30"), "value_90": _("by day 90"),
            "value_365": _("by day 365"), "bid_cap": _("pay at most"), "cost": _("one has cost"),
            "payback_days": _("paid back after, days"),
        },
    )  # fmt: skip


def value_columns(currency: str) -> Columns:
    """The saved list of customers' values."""
    return {
        "customer_id": (_("the customer"), ""),
        "expected_orders": (_("days with an order expected in the window"), _("days")),
        "alive": (
            _("chance of being still there; missing where the own rhythm judges silences better"),
            _("share"),
        ),
        "expected_value": (_("spend expected in the window, returns taken off"), currency),
        "low": (_("lower end of the 90 % interval of that spend"), currency),
        "high": (_("upper end of the 90 % interval of that spend"), currency),
        "value_26_weeks": (_("spend expected in 26 weeks"), currency),
        "value_52_weeks": (_("spend expected in 52 weeks"), currency),
        "margin_value": (_("margin expected in 52 weeks, discounted to today"), currency),
        "horizon_days": (_("length of the window"), _("days")),
        "method": (_("the forecast that was chosen"), ""),
    }


def group_columns(currency: str) -> Columns:
    """The saved table of groups."""
    return {
        "kind": (_("what the groups are by: segment or acquisition_channel"), ""),
        "group": (_("the group"), ""),
        "customers": (_("customers in it; empty below five"), _("customers")),
        "expected_value": (_("spend of all of them expected in the window"), currency),
        "value_52_weeks": (_("spend of all of them expected in 52 weeks"), currency),
        "margin_value": (_("margin of all of them expected in 52 weeks, discounted"), currency),
        "alive": (_("mean chance of not having left for good"), _("share")),
        "margin_each": (_("that margin a customer"), currency),
    }


def new_columns(currency: str) -> Columns:
    """The saved table of new customers."""
    day = _("discounted margin a customer up to day {day} since the first order")
    return {
        "acquisition_channel": (_("how they were won; * for all"), ""),
        "customers": (_("new customers; empty below five"), _("customers")),
        "value_0": (day.format(day=0), currency),
        "value_30": (day.format(day=30), currency),
        "value_90": (day.format(day=90), currency),
        "value_365": (day.format(day=365), currency),
        "horizon_days": (_("where the margin ends: the longest that enough were watched"), _("days")),
        "value": (_("that margin at its end"), currency),
        "low": (_("lower end of its 95 % interval"), currency),
        "high": (_("upper end of its 95 % interval"), currency),
        "bid_cap": (_("the most to pay for one: the lower end less the cost of serving"), currency),
        "cost": (_("what winning one has cost; empty where it is not known"), currency),
        "payback_days": (_("days until the margin has paid that back"), _("days")),
    }


def prospect_columns(currency: str) -> Columns:
    """The saved list of members without an order."""
    return {
        "customer_id": (_("the member"), ""),
        "acquisition_channel": (_("how the member was won"), ""),
        "age_days": (_("days since joining"), _("days")),
        "chance": (_("chance of a first order in the window"), _("share")),
        "expected_value": (_("that chance times what a new customer brings"), currency),
    }


def contest_columns() -> Columns:
    """The saved measures of the contest."""
    return {
        "contender": (_("the forecast"), ""),
        "measure": (_("rmse and mae in money; bias a share of the total; gini from 0 to 1"), ""),
        "value": (_("the measure on the test origins"), ""),
        "low": (_("lower end of its 95 % interval"), ""),
        "high": (_("upper end of its 95 % interval"), ""),
    }


def curve_columns(currency: str) -> Columns:
    """The saved calibration."""
    return {
        "group": (_("tenth of the forecast, lowest first"), ""),
        "customers": (_("forecasts in it"), _("customers")),
        "forecast": (_("mean forecast"), currency),
        "actual": (_("mean spend that came"), currency),
        "low": (_("lower end of its 95 % interval"), currency),
        "high": (_("upper end of its 95 % interval"), currency),
    }
