"""What may be sent by itself? Scenarios as a marketer writes them: from a moment to a message."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from crm_utils.errors import known_names
from crm_utils.methods.campaign_targeting.fields import Clock, Money, Name, Share, Span

__all__ = ["NEEDED", "Anchor", "Holdout", "Outcome", "Scenario", "Template", "Variable"]

NEEDED: dict[str, tuple[str, ...]] = {
    "order": (), "refund": (), "open_case": ("feedback",), "low_score": ("feedback",),
    "late_delivery": ("order_status", "events"),
}  # fmt: skip
"""What customers may be spared by, and the tables beside ``orders`` of which one tells it, the best first."""
_SPARED = {"open_case": "30d", "low_score": "14d", "late_delivery": "14d", "just_bought": "3d"}
"""How long, where a list of names says no span."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Anchor(_Strict):
    """What a scenario starts from; exactly one of them.

    Attributes
    ----------
    order
        ``first`` or ``last`` purchase of a customer.
    joined
        The day a customer joined.
    birthday
        The next birthday (29 February is kept on the 28th in other years).
    silence
        So many times the customer's own rhythm without an order (and never sooner than ``least``).
    event
        The customer's last event of this name.
    list
        A list of customers that another notebook of the run saved.
    message
        The last message that a customer was sent on this channel, by another scenario.
    new_product
        The launch of a product, for who bought its ``category`` (or ``brand``) in the year before.
    status
        The last time that an order of a customer came into this state: ``shipped``, ``delivered``.
    price_drop
        A product's price falls by this share at least, for who looked at its brand three times in 30 days.
    back_in_stock
        A product is there again, for who looked at it in the 30 days before.
    consent
        So many months after a customer's last yes to advertising, on the channel where that comes first.
    least
        With ``silence``: the shortest.
    """

    order: Literal["first", "last"] | None = None
    joined: bool = False
    birthday: bool = False
    silence: Annotated[float, Field(strict=False, gt=0)] | None = None
    event: Name | None = None
    list: Name | None = None
    message: Name | None = None
    new_product: Literal["category", "brand"] | None = None
    status: Name | None = None
    price_drop: Annotated[float, Field(strict=False, gt=0, lt=1)] | None = None
    back_in_stock: bool = False
    consent: Annotated[int, Field(ge=1)] | None = None
    least: Span = dt.timedelta(days=30)

    @model_validator(mode="after")
    def _one(self) -> Anchor:
        names = [name for name in type(self).model_fields if name != "least"]
        if sum(bool(getattr(self, name)) for name in names) != 1:
            raise ValueError(f"an anchor is one of: {', '.join(names)}")
        return self

    @property
    def is_a_day(self) -> bool:
        """Whether it has no hour of its own, so that the scenario must say one."""
        days = (self.joined, self.birthday, self.silence, self.list, self.new_product, self.consent)
        return any(bool(one) for one in days)

    @property
    def tables(self) -> set[str]:
        """The canonical tables it needs beside ``orders``."""
        if self.new_product:
            return {"order_lines", "products"}
        if self.price_drop or self.back_in_stock:
            return {"shelf", "events"}
        needed = {
            "events": self.event, "customers": self.joined or self.birthday, "messages": self.message,
            "consents": self.consent, "order_status": self.status,
        }  # fmt: skip
        return {name for name, wanted in needed.items() if wanted}


class Holdout(_Strict):
    """Who is left out, so that the scenario can be judged.

    Attributes
    ----------
    share
        Of them, until then.
    until, then
        With ``until: verdict`` the share falls to ``then`` once customers left out have shown what the
        scenario does. Whoever was drawn in a period stays where they were.
    slot
        Whether a message left out still counts in the caps: ``kept`` for nothing else in its place, so that
        the comparison is with silence; ``given`` to the next best message, so that it is with that.
    """

    share: Share = 0.1
    until: Literal["verdict"] | None = None
    then: Share = 0.1
    slot: Literal["kept", "given"] = "kept"

    @model_validator(mode="after")
    def _falls(self) -> Holdout:
        if self.until and self.then > self.share:
            raise ValueError("the share left out after the verdict ('then') is larger than 'share' before it")
        return self

    def now(self, judged: bool) -> float:
        """The share that is left out, before the verdict or after it."""
        return self.then if self.until and judged else self.share


class Variable(_Strict):
    """What stands in a text where it names a variable.

    Attributes
    ----------
    column
        A column of the list (``item``, ``offer``), or what the study names of a person (``name``).
    default
        What stands there where the column is empty; without it nobody may be empty.
    leave_out
        Whether whoever has nothing there gets no message instead.
    """

    column: Annotated[str, StringConstraints(min_length=1)]
    default: str | None = None
    leave_out: bool = False


def _variable(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class Template(_Strict):
    """The text of a message: registered at a provider under a name, with places for variables.

    Attributes
    ----------
    id
        The provider's name of it.
    text
        ``{name}, your {product} is back.``; needed where a provider wants the whole text. What a
        country wants advertising to begin and end with is added and not written here.
    subject
        Of longer text messages and e-mails.
    variables
        For each place, where its words come from.
    """

    id: Annotated[str, StringConstraints(min_length=1)]
    text: str = ""
    subject: str = ""
    variables: dict[Name, Annotated[Variable, BeforeValidator(_variable)]] = {}

    @model_validator(mode="after")
    def _known(self) -> Template:
        for name in re.findall(r"\{(\w+)\}", self.text + self.subject):
            if name not in self.variables:
                raise ValueError(f"the text names '{name}', which is none of its variables")
        return self


class Outcome(_Strict):
    """By what a scenario is judged: what customers bring in so many days from the message."""

    metric: Literal["contribution", "revenue", "conversion"] = "contribution"
    horizon_days: Annotated[int, Field(ge=1, le=400)] = 28


def _spared(value: object) -> object:
    """``[open_case, refund_14d]`` or ``{refund: 14d}``: a span for each name."""
    if isinstance(value, list):
        value = dict(_named_span(str(name)) for name in value)
    for name in value if isinstance(value, dict) else ():
        if name not in NEEDED:
            raise ValueError(
                f"customers cannot be spared by '{name}'. {known_names(name, NEEDED, label='There are')}"
            )
    return value


def _named_span(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\w+?)_(\d+[mhdw])", name)
    span = match[2] if match else _SPARED.get(name, "14d")
    return {"just_bought": "order"}.get(match[1] if match else name, match[1] if match else name), span


class Scenario(_Strict):
    """One automation: from a moment to a message.

    Attributes
    ----------
    id, title
        Its name, and what people call it.
    kind
        ``advertising`` or ``informational``: who may get it, and when, hangs on it. Written ``class``.
    anchor, delay, at
        When it is due: so long after its anchor; at this time of day where the anchor is a day.
    hour
        With ``best`` it leaves at the customer's own hour where that was shown to be better, else at the
        shop's best; ``at`` is for where neither is known.
    exit
        What a customer may do after the anchor that makes the message pointless: ``order``, or an event.
    expires
        Later than this after being due it is never sent.
    again
        The shortest time between two messages of the scenario to one customer.
    channels
        The best first.
    closed
        In closed hours: wait (``defer``) or leave it (``skip``).
    priority
        The lower number goes first.
    suppress
        Customers of whom this is so recent get nothing: ``order``, ``refund``, ``open_case`` (opened since,
        and not answered), ``low_score`` (given since, and not dealt with), ``late_delivery`` (a parcel came
        late, by ``order_status``, else by an event of that name). Also a list of names, which may say how
        long: ``[open_case, refund_14d, just_bought]``.
    offer, offer_cost, action
        What they get, what that costs when it is taken up, and a word for it in lists.
    holdout
        Who is left out.
    template
        What is written; not needed for a plan, only to hand it over.
    outcome
        By what it is judged.
    """

    id: Name
    title: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    kind: Literal["advertising", "informational"] = Field(alias="class")
    anchor: Anchor
    delay: Span = dt.timedelta(0)
    at: Clock | None = None
    hour: Literal["fixed", "best"] = "fixed"
    exit: list[Name] = []
    expires: Span = dt.timedelta(days=3)
    again: Span = dt.timedelta(days=30)
    channels: Annotated[list[Name], Field(min_length=1)]
    closed: Literal["defer", "skip"] = "defer"
    priority: int = 50
    suppress: Annotated[dict[str, Span], BeforeValidator(_spared)] = {}
    action: str = "message"
    offer: str = ""
    offer_cost: Money = 0.0
    holdout: Holdout = Holdout()
    template: Template | None = None
    outcome: Outcome = Outcome()

    @model_validator(mode="after")
    def _hour(self) -> Scenario:
        if self.anchor.is_a_day and self.at is None:
            raise ValueError(f"scenario '{self.id}' starts from a day: say at what time (at: \"10:00\")")
        if self.hour == "best" and self.at is None:
            why = f"scenario '{self.id}' leaves at the best hour"
            raise ValueError(f'{why}: say at what time where none is known (at: "10:00")')
        return self
