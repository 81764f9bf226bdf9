"""What does a contact bring? Under costs and effects that are assumed until a comparison has measured them.

A contact with an offer is expected to bring Π = p·s·(V − δ) − (1 − p)·q·δ − c: a churner is kept with
probability s and then takes the offer δ, a stayer takes it for nothing with probability q, a contact costs c
(S. A. Neslin et al., Journal of Marketing Research 43(2), 2006; W. Verbeke et al., European Journal of
Operational Research 218(1), 2012). A reminder without an offer brings p·s₀·V − c. s, s₀ and q are causal: no
data without a holdout hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.errors import StudyError

__all__ = ["NO_DISCOUNT", "Stakes", "contact_cost", "contact_profit", "without_discount"]

Floats = NDArray[np.float64]

NO_DISCOUNT = ("Champions",)
"""Segments that get no discount by the segmentation page: they get a reminder here."""


@dataclass(frozen=True)
class Stakes:
    """What is assumed about a contact.

    Attributes
    ----------
    save_rate
        s: share of contacted churners whom the contact keeps, 0 to 1.
    take_rate
        q: share of contacted stayers who take the offer all the same, 0 to 1.
    offer
        δ: what the offer costs when it is taken, money.
    contact
        c: what one contact costs, money.
    margin
        Share of revenue that is left after the costs that vary with it, 0 to 1.
    value_days
        The window over which margin counts as lost, days. For a lapse it is short: most come back.
    remind_rate
        s₀: the same as s, for a reminder without an offer, 0 to 1.
    """

    save_rate: float
    take_rate: float
    offer: float
    contact: float
    margin: float
    value_days: int
    remind_rate: float = 0.05

    def __post_init__(self) -> None:
        for name, called in _SHARES.items():
            if not 0 <= getattr(self, name) <= 1:
                raise StudyError(f"{called} is {getattr(self, name)}. It is a share: from 0 to 1.")
        for name, called in _COSTS.items():
            if not getattr(self, name) >= 0:
                raise StudyError(f"{called} is {getattr(self, name)}. A cost is 0 or more.")
        if self.value_days < 1:
            raise StudyError(f"value_days is {self.value_days}. Margin is lost over at least one day.")

    def with_share(self, share: float) -> Stakes:
        """The same, with another share kept; the one of a reminder changes in proportion."""
        part = share / self.save_rate if self.save_rate else 1.0
        return replace(self, save_rate=share, remind_rate=min(1.0, part * self.remind_rate))

    def times(self, effect: float, taken: float) -> Stakes:
        """The same, with effects and the take rate multiplied; no share above 1."""
        return replace(
            self, save_rate=min(1.0, effect * self.save_rate),
            remind_rate=min(1.0, effect * self.remind_rate), take_rate=min(1.0, taken * self.take_rate),
        )  # fmt: skip


_SHARES = {
    "save_rate": "save_rate",
    "take_rate": "take_rate",
    "remind_rate": "remind_rate",
    "margin": "margin_share",
}
_COSTS = {"offer": "offer_cost", "contact": "contact_cost"}
"""As the notebook's parameters are called."""


def without_discount(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Whose segment is not given a discount; nobody's where no segment is known."""
    if "segment" not in rows.columns:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows["segment"].isin(NO_DISCOUNT), dtype=bool)


def contact_profit(
    chance: Floats, value: Floats, stakes: Stakes, plain: NDArray[np.bool_] | None = None
) -> Floats:
    """Π for each customer: expected with a probability, realised with the outcome (0 or 1) in its place.

    Parameters
    ----------
    chance
        p, or 0 and 1.
    value
        V: the margin that a lapse costs, money.
    stakes
        What is assumed.
    plain
        Who gets a reminder without an offer; nobody by default.

    Examples
    --------
    >>> import numpy as np
    >>> contact_profit(np.array([0.5]), np.array([40.0]), Stakes(0.2, 0.5, 5, 1, 0.25, 28)).round(2).tolist()
    [1.25]
    """
    saved = chance * stakes.save_rate * (value - stakes.offer)
    given_away = (1 - chance) * stakes.take_rate * stakes.offer
    offered = saved - given_away - stakes.contact
    if plain is None:
        return np.asarray(offered)
    return np.where(plain, chance * stakes.remind_rate * value - stakes.contact, offered)


def contact_cost(chance: Floats, stakes: Stakes, plain: NDArray[np.bool_] | None = None) -> Floats:
    """What a contact is expected to cost: the message, and the offer where it is taken."""
    taken = chance * stakes.save_rate + (1 - chance) * stakes.take_rate
    offers = taken if plain is None else np.where(plain, 0.0, taken)
    return np.asarray(stakes.contact + offers * stakes.offer)
