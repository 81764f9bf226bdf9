"""Whom to wake, and once only? Numbers outside their range: new, still, or back in it."""

from __future__ import annotations

import pandas as pd

__all__ = ["alerts_of"]

_OUTSIDE = ("low", "high")
_COLUMNS = [
    "measure", "unit", "says", "since", "week", "weeks", "value", "low", "high", "holidays", "state",
]  # fmt: skip


def alerts_of(
    card_history: pd.DataFrame, table: pd.DataFrame, *, earlier: pd.DataFrame | None
) -> pd.DataFrame:
    """The alerts of a week, each told as new once.

    Parameters
    ----------
    card_history, table
        Of a :class:`~crm_utils.methods.scorecard.card.Card`.
    earlier
        The alerts of the last run; None where there is none.

    Returns
    -------
    pandas.DataFrame
        ``measure``, ``unit``, ``says`` (``low``, ``high``), ``since`` (the first of the weeks in a row
        that were outside on that side), ``week``, ``weeks`` (how many), ``value``, ``low`` and ``high``
        (between which the next ordinary week would clear it), ``holidays`` (a reason to look at first),
        ``state``: ``new``; ``still`` (the last run told it, on whatever night of the same week); ``cleared``
        (told by the last run, and ordinary now).
    """
    before = _open(earlier)
    holidays = table.set_index("measure")["holidays"].to_dict() if "holidays" in table else {}
    rows = []
    for measure, weeks in card_history.groupby("measure", sort=False):
        last = weeks.iloc[-1]
        run = _run_length(weeks["says"].tolist())
        listed = {key: row for key, row in before.items() if key[0] == measure}
        if last["says"] in _OUTSIDE:
            since = weeks["week"].iloc[-run]
            state = "still" if (measure, last["says"], str(since)) in listed else "new"
            rows.append(_alert(last, since, run, holidays.get(measure, ""), state))
        gone = [row for key, row in listed.items() if last["says"] != "" and key[1] != last["says"]]
        rows += [
            _alert(last, row["since"], int(row["weeks"]), "", "cleared") | {"says": row["says"]}
            for row in gone
        ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _open(earlier: pd.DataFrame | None) -> dict[tuple[str, str, str], pd.Series]:
    if earlier is None or earlier.empty:
        return {}
    rows = earlier[earlier["state"] != "cleared"]
    return {(row["measure"], row["says"], str(row["since"])[:10]): row for _, row in rows.iterrows()}


def _run_length(says: list[str]) -> int:
    """How many weeks in a row, up to the last, were outside on its side."""
    run = 0
    for one in reversed(says):
        if one != says[-1] or one not in _OUTSIDE:
            break
        run += 1
    return run


def _alert(last: pd.Series, since: object, weeks: int, holidays: str, state: str) -> dict[str, object]:
    return {
        "measure": last["measure"], "unit": last["unit"], "says": last["says"], "since": since,
        "week": last["week"], "weeks": weeks, "value": last["value"], "low": last["low"],
        "high": last["high"], "holidays": holidays, "state": state,
    }  # fmt: skip
