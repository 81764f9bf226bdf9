"""What was decided before an experiment began? Its declaration, as it stands in a study.

Metrics, margins, horizon, looks and segments are chosen before data are seen; whoever chooses them afterwards
can find an effect in anything. A fingerprint of the declaration goes into the results, so that a later
change is seen.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from crm_utils.errors import known_names

__all__ = ["CATALOGUE", "OUTCOMES", "Day", "Experiment", "Guardrail", "Metric", "Trigger"]

OUTCOMES: dict[str, str] = {
    "orders": "purchases",
    "returns": "orders brought back",
    "amount": "money received, returns taken off",
    "contribution": "quantity × unit margin − discount − message cost",
    "messages": "messages sent",
    "unsubscribed": "opt-outs through a message",
}
"""What is counted for each assigned customer, from the assignment to the end of the horizon."""

CATALOGUE: dict[str, dict[str, Any]] = {
    "conversion": {"kind": "conversion", "of": "orders"},
    "orders": {"kind": "mean", "of": "orders"},
    "revenue": {"kind": "mean", "of": "amount"},
    "contribution": {"kind": "mean", "of": "contribution"},
    "order_value": {"kind": "ratio", "of": "amount", "per": "orders"},
    "return_rate": {"kind": "ratio", "of": "returns", "per": "orders", "better": "lower"},
    "unsubscribed": {"kind": "conversion", "of": "unsubscribed", "better": "lower"},
    "messages": {"kind": "mean", "of": "messages", "better": "lower"},
}
"""Metrics that a study names by one word."""


def _day(value: object) -> dt.date:
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value if isinstance(value, str) and len(value) == 10 else "")
    except ValueError:
        raise ValueError("not a day; write YYYY-MM-DD") from None


def _metric(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in CATALOGUE:
        raise ValueError(f"no metric '{value}'. {known_names(value, CATALOGUE, label='There are')}")
    return {"name": value, **CATALOGUE[value]}


Day = Annotated[dt.date, BeforeValidator(_day)]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
_Number = Annotated[float, Field(strict=False)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Metric(_Declared):
    """One measure of an assigned customer, averaged over all who were assigned.

    Attributes
    ----------
    name
        What results call it.
    kind
        ``conversion``: share of customers with any; ``mean``: average a customer; ``ratio``: sum over sum,
        such as money an order; ``quantile``: the value below which a share ``q`` of the customers lies.
    of, per
        A column of :data:`OUTCOMES`; ``per`` is a ratio's denominator.
    cap
        Larger values count as this much, in both arms: a mean of capped values, declared before.
    q
        The quantile, between 0 and 1.
    better
        Which way is good.
    """

    name: _Name
    kind: Literal["conversion", "mean", "ratio", "quantile"]
    of: str
    per: str | None = None
    cap: Annotated[float, Field(strict=False, gt=0)] | None = None
    q: Annotated[float, Field(gt=0, lt=1)] | None = None
    better: Literal["higher", "lower"] = "higher"

    @model_validator(mode="after")
    def _whole(self) -> Metric:
        for column in (self.of, *([self.per] if self.per else [])):
            if column not in OUTCOMES:
                raise ValueError(f"no outcome '{column}'. {known_names(column, OUTCOMES, label='There are')}")
        for kind, field in (("ratio", "per"), ("quantile", "q")):
            if (self.kind == kind) != (getattr(self, field) is not None):
                raise ValueError(f"'{field}' belongs to a {kind}, and a {kind} needs it")
        if self.cap is not None and self.kind != "mean":
            raise ValueError("'cap' belongs to a mean")
        return self

    @property
    def words(self) -> str:
        """Its name for people."""
        return self.name.replace("_", " ")

    @property
    def is_rate(self) -> bool:
        """Whether its values are shares, so that a difference of two is in percentage points."""
        counted = ("orders", "returns", "messages", "unsubscribed")
        return self.kind == "conversion" or (self.kind == "ratio" and self.of in counted)

    @property
    def sign(self) -> int:
        """1 where more is good, −1 where less is."""
        return 1 if self.better == "higher" else -1


MetricOrName = Annotated[Metric, BeforeValidator(_metric)]


class Guardrail(_Declared):
    """A metric that must not get worse by more than a margin, in the metric's own unit."""

    metric: MetricOrName
    margin: Annotated[float, Field(strict=False, ge=0)]


class Trigger(_Declared):
    """What shows, in every arm alike, that a customer could have noticed the treatment.

    Attributes
    ----------
    event
        A value of ``events.event``: only customers with such an event in the horizon were triggered.
    campaign
        A campaign: only customers with a message of it, sent or held out, were.
    """

    event: str | None = None
    campaign: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Trigger:
        if (self.event is None) == (self.campaign is None):
            raise ValueError("a trigger is either an event or a campaign")
        return self


class Experiment(_Declared):
    """One experiment, as declared before it began.

    Attributes
    ----------
    id
        As in ``assignments.experiment_id``; small letters, digits and _.
    title
        What people call it.
    arms
        Each arm's share of the customers, in any unit; 0 for an arm that is closed.
    control
        The arm that the others are compared with.
    starts_on, ends_on
        First and last day of assignment; without ``ends_on`` it goes on.
    horizon_days
        Days from a customer's assignment in which outcomes count.
    before_days
        Days up to the assignment that make the covariate (CUPED); 0 for none.
    customers
        How many were planned for all arms; needed for looks.
    primary, metrics, guardrails
        What decides; what is also looked at; what must not get worse by more than a margin. Quantiles are
        looked at only.
    looks, spending
        Days of planned looks before the end, and how they share the error rate.
    segments
        Columns of ``customers``, or ``before`` (what the customer had bought before the assignment).
    trigger
        For the analysis of those who could have noticed, beside that of all.
    campaigns
        For each arm the campaign that brings its treatment, to compare exposure with assignment.
    money_margin
        Contribution (revenue where no margin is known) may be lower by this share of the control's mean at
        most: that has to be shown before anything ships. 0.02 is well below the effects that are worth a
        test, so that what ships cannot lose what a test would look for, and wide enough to be shown by a
        test that was sized for those.
    features
        Columns of ``customers``, known before the assignment, by which a model may choose for whom, beside
        those that are always used.
    alpha
        Two-sided error rate.
    """

    id: _Name
    title: str = ""
    arms: dict[_Name, Annotated[float, Field(strict=False, ge=0)]]
    control: _Name
    starts_on: Day
    ends_on: Day | None = None
    horizon_days: Annotated[int, Field(gt=0)]
    before_days: Annotated[int, Field(ge=0)] = 91
    customers: Annotated[int, Field(gt=0)] | None = None
    primary: MetricOrName
    metrics: list[MetricOrName] = []
    guardrails: list[Guardrail] = []
    looks: list[Day] = []
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming"
    segments: list[str] = []
    trigger: Trigger | None = None
    campaigns: dict[_Name, str] = {}
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    money_margin: Annotated[float, Field(strict=False, ge=0, lt=1)] = 0.02
    features: list[str] = []

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        open_arms = [name for name, weight in self.arms.items() if weight > 0]
        if len(open_arms) < 2:
            raise ValueError(
                f"one arm compares with nothing; name two or more with a weight above 0, not {open_arms}"
            )
        if self.control not in open_arms:
            raise ValueError(
                f"'{self.control}' is not one of the open arms. {known_names(self.control, open_arms)}"
            )
        for arm in self.campaigns:
            if arm not in self.arms:
                raise ValueError(f"campaigns: no arm '{arm}'. {known_names(arm, self.arms)}")
        if self.ends_on and self.ends_on < self.starts_on:
            raise ValueError(f"it ends on {self.ends_on}, before it starts on {self.starts_on}")
        if self.looks and self.customers is None:
            raise ValueError("planned looks need 'customers', how many are planned for all arms together")
        if sorted(set(self.looks)) != self.looks or any(day <= self.starts_on for day in self.looks):
            raise ValueError("looks are days after the start, each later than the one before")
        deciding = (self.primary, *(guardrail.metric for guardrail in self.guardrails))
        if quantiles := [metric.name for metric in deciding if metric.kind == "quantile"]:
            raise ValueError(
                f"{quantiles[0]} is a quantile, which decides nothing: it can be one of 'metrics' only"
            )
        names = [metric.name for metric in self.all_metrics]
        if len(set(names)) < len(names):
            raise ValueError(f"a metric stands twice: {', '.join(names)}")
        return self

    @property
    def called(self) -> str:
        """Its title, or its id where it has none."""
        return self.title or self.id

    @property
    def treatments(self) -> tuple[str, ...]:
        """The open arms but the control."""
        return tuple(arm for arm, weight in self.arms.items() if weight > 0 and arm != self.control)

    @property
    def all_metrics(self) -> tuple[Metric, ...]:
        """The primary metric, then the further ones, then those of guardrails."""
        return (self.primary, *self.metrics, *(guardrail.metric for guardrail in self.guardrails))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the declaration in canonical JSON, title left out: words may be mended, a plan may not.

        Examples
        --------
        >>> declared = {"id": "coupon", "arms": {"control": 1, "coupon": 1}, "control": "control",
        ...             "starts_on": "2025-09-01", "horizon_days": 28, "primary": "conversion"}
        >>> one, other = Experiment(**declared), Experiment(**declared, title="Ten percent off")
        >>> one.fingerprint == other.fingerprint, len(one.fingerprint)
        (True, 64)
        """
        declared = self.model_dump(mode="json", exclude={"title"})
        # What came to the language of declarations later leaves older fingerprints as they were.
        later = {name: type(self).model_fields[name].default for name in ("money_margin", "features")}
        declared = {name: value for name, value in declared.items() if value != later.get(name, ...)}
        text = json.dumps(declared, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
