"""Who gets which of several messages? The best first, as long as nobody hears from us too often.

A cap is "at most m messages in any h hours". Looking back over a window when a message is accepted is not
enough: a later one that was accepted before can break the cap. So candidates are accepted in rounds, each
customer's best one that keeps every window, before it and after it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crm_utils.methods.campaign_targeting.rules import Cap

__all__ = ["arbitrate", "keeps_caps", "over_caps"]


def keeps_caps(times: pd.DataFrame, caps: Sequence[Cap]) -> pd.Series[bool]:
    """Whether each customer's messages keep all caps.

    Parameters
    ----------
    times
        ``customer_id``, ``send_at``; a row a message.
    caps
        A window of ``hours`` is open at its end: two messages exactly 24 hours apart are not in one.

    Returns
    -------
    pandas.Series
        By customer_id.
    """
    rows = times.sort_values(["customer_id", "send_at"])
    broken = pd.Series(False, index=rows.index)
    for cap in caps:
        nth = rows.groupby("customer_id")["send_at"].shift(-cap.messages)
        broken |= (nth - rows["send_at"]) < pd.Timedelta(hours=cap.hours)
    return ~broken.groupby(rows["customer_id"]).any()


def over_caps(messages: pd.DataFrame, heard: pd.DataFrame, caps: Sequence[Cap]) -> int:
    """How many of these messages come too soon after too many others.

    Parameters
    ----------
    messages, heard
        ``customer_id``, ``send_at``: those to look at, and those that were sent before.
    caps
        The country's.
    """
    columns = ["customer_id", "send_at"]
    parts = [messages[columns].assign(new=True), heard[columns].assign(new=False)]
    whole = [part.astype({"send_at": "datetime64[us]"}) for part in parts if len(part)]
    if not whole:
        return 0
    rows = pd.concat(whole, ignore_index=True).sort_values(["customer_id", "send_at", "new"])
    over = pd.Series(False, index=rows.index)
    for cap in caps:
        before = rows.groupby("customer_id")["send_at"].shift(cap.messages)
        over |= (rows["send_at"] - before) < pd.Timedelta(hours=cap.hours)
    return int((over & rows["new"]).sum())


def arbitrate(candidates: pd.DataFrame, sent: pd.DataFrame, caps: Sequence[Cap]) -> pd.Series[bool]:
    """Accept candidates under caps, the best first.

    Parameters
    ----------
    candidates
        ``customer_id``, ``send_at``, ``priority`` (lower is better), ``scenario``, ``capped`` (whether caps
        count for it: advertising); ties are broken by ``send_at``, then ``scenario``.
    sent
        Advertising that was sent or is planned already: ``customer_id``, ``send_at``.
    caps
        The country's.

    Returns
    -------
    pandas.Series
        True for what is accepted, by the candidates' index. What caps do not count for is always accepted.
    """
    accepted = pd.Series(~candidates["capped"].to_numpy(dtype=bool), index=candidates.index)
    order = ["customer_id", "priority", "send_at", "scenario"]
    left = candidates[candidates["capped"]].sort_values(order)
    past = sent[["customer_id", "send_at"]].astype({"send_at": "datetime64[us]"})
    while len(left):
        best = left.drop_duplicates("customer_id")
        tried = best[["customer_id", "send_at"]].astype({"send_at": "datetime64[us]"})
        together = pd.concat([past[past["customer_id"].isin(tried["customer_id"])], tried], ignore_index=True)
        fits = best["customer_id"].map(keeps_caps(together, caps)).astype(bool)
        accepted.loc[best.index[fits]] = True
        past = pd.concat([past, tried[fits]], ignore_index=True)
        left = left.drop(best.index)
    return accepted
