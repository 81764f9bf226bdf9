"""What did providers report of the messages that we handed over? Matched by the id that they echo.

A result file becomes ``private/<study>/responses/<hash of the file>.parquet``: the same file again changes
nothing. Every row is kept with what became of it; none is dropped. Who was to be sent and who was left out
comes from the ledger, never from a provider.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_utils.people import ledger
from crm_utils.tools import durable

__all__ = ["COLUMNS", "STATES", "TIMES", "Counted", "by_address", "keep", "messages"]

STATES = ("matched", "fallback", "unmatched", "repeated", "unreadable")
"""What becomes of a row: of a message of ours; sent in place of one; of none of ours; there already in this
file; not to be read."""
TIMES = ("delivered_at", "opened_at", "clicked_at", "redeemed_at", "unsubscribed_at")
COLUMNS = ("message_id", "fallback_of", "channel", *TIMES, "failed_reason", "unknown_code", "state", "raw")
_SCHEMA = pa.schema({
    **dict.fromkeys(("message_id", "fallback_of", "channel"), pa.string()),
    **dict.fromkeys(TIMES, pa.timestamp("us")), "failed_reason": pa.string(), "unknown_code": pa.bool_(),
    "state": pa.string(), "raw": pa.string(),
})  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """What became of a file's rows.

    Attributes
    ----------
    rows
        In the file; the states add up to it.
    states
        Rows by :data:`STATES`.
    unknown_codes
        Rows by a code that the mapping does not know; they are among the others.
    sent_although_held_out
        Messages to customers who were to get none: somebody sent from another list.
    """

    rows: int
    states: dict[str, int]
    unknown_codes: dict[str, int]
    sent_although_held_out: int


def keep(root: Path, study: str, name: str, rows: pd.DataFrame) -> Counted:
    """Match a result file's rows with the ledger, and keep all of them.

    Parameters
    ----------
    root, study
        Whose.
    name
        Of what the file holds: its hash.
    rows
        ``message_id``, :data:`TIMES`, ``failed_reason``, ``fallback_of``, ``channel`` (null where the
        provider says nothing), ``unknown_code`` (whether the mapping does not know it),
        ``problem`` (why a row cannot be read, or null), ``raw`` (the row's text).
    """
    sent = ledger.whole(root, study)
    held_out = dict(zip(sent["message_id"].to_pylist(), sent["held_out"].to_pylist(), strict=True))
    kept = rows.reset_index(drop=True)
    kept = kept.assign(state=_states(kept, held_out)).reindex(columns=list(COLUMNS))
    kept.loc[~kept["state"].isin(["unmatched", "unreadable"]), "raw"] = None
    home = ledger.own(root / "private" / study / "responses", root)
    with durable.replacing(home / f"{name}.parquet") as temporary:
        table = pa.Table.from_pandas(kept, schema=_SCHEMA, preserve_index=False)
        pq.write_table(table, temporary, compression="zstd")
        temporary.chmod(0o600)
    unknown = kept.loc[kept["unknown_code"].fillna(False).astype(bool), "failed_reason"].value_counts()
    ours = kept.loc[kept["state"] == "matched", "message_id"]
    return Counted(
        len(kept), {state: int((kept["state"] == state).sum()) for state in STATES},
        {str(code): int(n) for code, n in sorted(unknown.items())}, sum(held_out[one] for one in ours),
    )  # fmt: skip


def by_address(
    root: Path, study: str, to: pd.Series[str], seen_at: pd.Series[pd.Timestamp]
) -> pd.Series[str]:
    """Which message each row is of, where a provider echoes only the address that it sent to.

    Parameters
    ----------
    root, study
        Whose.
    to
        Phone numbers in any form, or e-mail addresses.
    seen_at
        When each arrived, or missing: the last message to the address before that counts, else the last.

    Returns
    -------
    pandas.Series
        ``message_id`` by the rows' index; missing where nothing was sent there.
    """
    folder = root / "private" / study / "addresses"
    parts = [pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    if not parts:
        return pd.Series(None, index=to.index, dtype="object")
    sent = pd.concat(parts).assign(key=lambda t: t["to"].map(_plain_address)).sort_values("send_at")
    rows = pd.DataFrame({"key": to.map(_plain_address), "seen_at": seen_at, "row": to.index})
    pairs = rows.merge(sent, on="key")
    pairs = pairs[pairs["seen_at"].isna() | (pairs["send_at"] <= pairs["seen_at"])]
    last = pairs.drop_duplicates("row", keep="last").set_index("row")["message_id"]
    return last.reindex(to.index)


def _plain_address(address: str | None) -> str:
    """One spelling: e-mail in small letters, phone numbers as digits without a country's code or zero."""
    if address is None or pd.isna(address):
        return ""
    text = str(address).strip()
    return text.casefold() if "@" in text else re.sub(r"\D", "", text).removeprefix("82").lstrip("0")


def _states(rows: pd.DataFrame, sent: Iterable[str]) -> pd.Series[str]:
    known = set(sent)
    state = pd.Series("unmatched", index=rows.index)
    state[rows["fallback_of"].isin(known)] = "fallback"
    state[rows["message_id"].isin(known)] = "matched"
    state[rows.duplicated(["message_id", *TIMES, "failed_reason", "fallback_of"])] = "repeated"
    state[rows["problem"].notna() | rows["message_id"].isna()] = "unreadable"
    return state


def messages(root: Path, study: str, *, before: dt.date, end: dt.datetime) -> pa.Table:
    """What was handed over, with what providers reported until an instant.

    Parameters
    ----------
    root, study, before
        As for :func:`.ledger.handed_over`.
    end
        The exclusive end of what is known: later deliveries, openings and clicks have not happened yet.

    Returns
    -------
    pyarrow.Table
        The ledger's columns, then :data:`TIMES`, ``failed_reason`` and ``fallback_of``, a row a message, and
        one for each message that was sent in place of another. Of several reports of a message the first
        delivery and click count; a reason only where nothing says that it was delivered.
    """
    sent = ledger.handed_over(root, study, before=before).to_pandas()
    folder = root / "private" / study / "responses"
    parts = [pq.read_table(path, schema=_SCHEMA).to_pandas() for path in sorted(folder.glob("*.parquet"))]
    said = pd.concat(parts) if parts else _SCHEMA.empty_table().to_pandas()
    for name in TIMES:
        said[name] = said[name].where(said[name] < pd.Timestamp(end))
    ids = set(sent["message_id"])
    own = said[said["message_id"].isin(ids) & (said["state"] != "unreadable")]
    other = said[said["fallback_of"].isin(ids) & ~said["message_id"].isin(ids) & said["message_id"].notna()]
    original = sent.set_index("message_id")
    instead = _first(other).merge(
        original[[c for c in sent.columns if c not in ("message_id", "channel", "cost")]],
        left_on="fallback_of", right_index=True,
    )  # fmt: skip
    first = _first(own).drop(columns=["fallback_of", "channel"])
    rows = pd.concat([sent.merge(first, on="message_id", how="left").assign(fallback_of=None), instead])
    reported = [_SCHEMA.field(name) for name in (*TIMES, "failed_reason", "fallback_of")]
    schema = pa.schema([*ledger.schema(), *reported])
    return pa.Table.from_pandas(rows.reindex(columns=schema.names), schema=schema, preserve_index=False)


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a message: its first times, and the last reason where it never arrived."""
    by = rows.groupby("message_id", sort=True)
    one = by[list(TIMES)].min()
    one = one.join(by[["failed_reason", "fallback_of", "channel"]].last()).reset_index()
    one.loc[one["delivered_at"].notna(), "failed_reason"] = None
    return one
