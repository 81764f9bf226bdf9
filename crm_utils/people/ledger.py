"""What was handed over for sending, and who was left out then? Remembered beside the key maps.

A provider's results come days later, or never. The next plan must know tonight what left the house yesterday,
or everybody would be written to twice; and whoever was left out has to be found again when a message is
judged. So an export of the list writes down, for each row, which message, who, which scenario, where, when,
and whether it was held back. What providers report of them later is in :mod:`.responses`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_utils.features.message_ids import message_ids
from crm_utils.tools import durable

__all__ = [
    "COLUMNS",
    "files",
    "handed_over",
    "is_a_plan",
    "own",
    "remember",
    "remember_rows",
    "schema",
    "whole",
]

_SCHEMA = pa.schema({
    "message_id": pa.string(), "customer_id": pa.string(), "scenario": pa.string(), "channel": pa.string(),
    "kind": pa.string(), "template": pa.string(), "sent_at": pa.timestamp("us"), "held_out": pa.bool_(),
    "cost": pa.float64(), "planned_for": pa.date32(), "handed_to": pa.string(),
})  # fmt: skip
COLUMNS = tuple(_SCHEMA.names)
"""``sent_at``: when it was to be sent, local time; ``planned_for``: the day the plan looks back from;
``handed_to``: in which form (``list``: as a table; else a provider's)."""
_LIST = ("customer_id", "scenario", "channel", "send_at", "holdout")
_ALL = "list"


def schema() -> pa.Schema:
    """The columns of what is written down, with their types."""
    return _SCHEMA


def files(root: Path, study: str) -> list[Path]:
    """What was written down, the oldest first."""
    return sorted((root / "private" / study / "ledger").glob("*.parquet"))


def is_a_plan(table: Path) -> bool:
    """Whether a saved list is one to send from: it says who, which scenario, where, when, who is left out."""
    return set(_LIST) <= set(pq.read_schema(table).names)


def own(folder: Path, root: Path) -> Path:
    """A folder under ``private/`` that its owner alone can open."""
    for place in [*reversed(folder.relative_to(root).parents), folder.relative_to(root)]:
        if place.parts:
            (root / place).mkdir(mode=0o700, exist_ok=True)
    return folder


def remember(root: Path, study: str, table: Path, *, day: dt.date) -> int:
    """Write down a list that is handed over as it is.

    Parameters
    ----------
    root, study
        Whose.
    table
        The list; see :func:`is_a_plan`.
    day
        The day that its plan looked back from; the same list again replaces what was written for it.

    Returns
    -------
    int
        Rows written down, those left out among them.
    """
    return remember_rows(root, study, pq.read_table(table).to_pandas(), day=day, handed_to=_ALL)


def remember_rows(root: Path, study: str, rows: pd.DataFrame, *, day: dt.date, handed_to: str) -> int:
    """Write down rows that are handed over in one form; those of the same day and form are replaced.

    Parameters
    ----------
    root, study, day
        As for :func:`remember`.
    rows
        Of the list, those left out among them.
    handed_to
        The form: a provider's name.

    Returns
    -------
    int
        Rows written down.
    """
    kept = rows.rename(columns={"send_at": "sent_at", "holdout": "held_out", "class": "kind"})
    kept = kept.assign(planned_for=day, handed_to=handed_to)
    plain: dict[str, str | float] = {"kind": "advertising", "template": "", "cost": 0.0}
    kept = kept.assign(**{name: value for name, value in plain.items() if name not in kept.columns})
    if "message_id" not in kept.columns:
        kept["message_id"] = message_ids(kept.assign(send_at=kept["sent_at"]), study=study)
    written = pa.Table.from_pandas(kept[list(COLUMNS)], schema=_SCHEMA, preserve_index=False)
    home = own(root / "private" / study / "ledger", root)
    name = day.isoformat() if handed_to == _ALL else f"{day.isoformat()}.{handed_to}"
    with durable.replacing(home / f"{name}.parquet") as temporary:
        pq.write_table(written, temporary, compression="zstd")
        temporary.chmod(0o600)
    return int(written.num_rows)


def whole(root: Path, study: str) -> pa.Table:
    """Everything that was written down: :data:`COLUMNS`; a message that was handed over twice stands once."""
    parts = [_upgraded(pq.read_table(path), study) for path in files(root, study)]
    rows = pa.concat_tables(parts) if parts else _SCHEMA.empty_table()
    first = rows.append_column("_n", pa.array(range(rows.num_rows)))
    once = first.group_by("message_id").aggregate([("_n", "min")])["_n_min"]
    return rows.take(once.take(pc.sort_indices(once))) if rows.num_rows else rows


def handed_over(root: Path, study: str, *, before: dt.date) -> pa.Table:
    """What plans of earlier days handed over: :data:`COLUMNS`.

    Parameters
    ----------
    root, study
        Whose.
    before
        Plans of this day and later are left out, so that the same day can be planned again.
    """
    rows = whole(root, study)
    return rows.filter(pc.less(rows["planned_for"], pa.scalar(before, pa.date32())))


def _upgraded(rows: pa.Table, study: str) -> pa.Table:
    """What an earlier version wrote down, with the columns that it lacked."""
    if set(COLUMNS) <= set(rows.column_names):
        return rows.select(list(COLUMNS)).cast(_SCHEMA)
    frame = rows.to_pandas().assign(kind="advertising", template="", cost=0.0, handed_to=_ALL)
    frame["message_id"] = message_ids(frame.assign(send_at=frame["sent_at"]), study=study)
    return pa.Table.from_pandas(frame[list(COLUMNS)], schema=_SCHEMA, preserve_index=False)
