"""Which days of a shop are not like others? A study's ``calendar``: its country's holidays, its own sales."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, model_validator

from crm_utils.experiments import Day
from crm_utils.features.calendar import Event, countries, public_holidays

__all__ = ["Calendar", "Sale"]


def _known(country: str) -> str:
    if country not in countries():
        raise ValueError(f"the holidays of '{country}' are not known; write a country's two letters, as KR")
    return country


class Sale(BaseModel):
    """Days on which the shop itself makes weeks unlike others; the same name in every year."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    starts_on: Day
    ends_on: Day

    @model_validator(mode="after")
    def _in_order(self) -> Sale:
        if self.ends_on < self.starts_on:
            raise ValueError(f"'{self.name}' ends before it starts")
        return self


class Calendar(BaseModel):
    """A study's calendar.

    Attributes
    ----------
    holidays
        The country whose public holidays count; none where it is not said.
    sales
        The shop's own, and other days that it knows to be unlike others (a day closed, a fair).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    holidays: Annotated[str, AfterValidator(_known)] | None = None
    sales: list[Sale] = []

    @model_validator(mode="after")
    def _each_once(self) -> Calendar:
        begun = [(sale.name, sale.starts_on) for sale in self.sales]
        for one in begun:
            if begun.count(one) > 1:
                raise ValueError(f"'{one[0]}' stands twice on {one[1]}")
        return self

    def events(self, first: dt.date, last: dt.date) -> list[Event]:
        """What falls between two days, in its order."""
        public = public_holidays(self.holidays, first=first, last=last) if self.holidays else []
        own = [Event(s.name, s.starts_on, s.ends_on, sale=True) for s in self.sales]
        near = [event for event in own if event.last >= first and event.first <= last]
        return sorted([*public, *near], key=lambda event: (event.first, event.name))
