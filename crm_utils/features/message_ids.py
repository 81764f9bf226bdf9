"""Which message is this? An id that a provider echoes, one a customer, scenario and moment."""

from __future__ import annotations

import hashlib

import pandas as pd

__all__ = ["message_ids"]

_DIGITS = 20
"""80 bits: in a billion messages a clash has a chance of one in two million."""


def message_ids(rows: pd.DataFrame, *, study: str) -> pd.Series[str]:
    """Name each message of a plan.

    Parameters
    ----------
    rows
        ``customer_id``, ``scenario``, ``send_at``.
    study
        Its name.

    Returns
    -------
    pandas.Series
        20 hexadecimal digits each, by the rows' index.

    Examples
    --------
    >>> row = {"customer_id": "ann", "scenario": "s", "send_at": pd.Timestamp("2024-03-01 10:00")}
    >>> message_ids(pd.DataFrame([row]), study="shop").tolist()
    ['ee0cdb38483b4adf6aa0']
    """
    moments = pd.to_datetime(rows["send_at"]).astype("datetime64[us]").astype("str")
    parts = zip(rows["customer_id"], rows["scenario"], moments, strict=True)
    keys = ("\0".join((study, *map(str, part))) for part in parts)
    ids = [hashlib.sha256(key.encode()).hexdigest()[:_DIGITS] for key in keys]
    return pd.Series(ids, index=rows.index, dtype="str")
