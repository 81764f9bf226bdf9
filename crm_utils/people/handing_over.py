"""How does a list become the files that a provider takes? Checked once more, split, written, remembered.

Whoever may not be written to any more, has no address for the form, or lacks a variable is dropped from both
groups, those sent and those held out, by what was known before; so the two can still be compared. Files are
written only when all of them can be.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_utils import engine, snapshots
from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.methods.campaign_targeting import Rules, Scenario, recheck
from crm_utils.people import key_map, ledger
from crm_utils.people.forms import FORMS, Batch, Form
from crm_utils.people.forms.base import home_number
from crm_utils.people.texts import filled
from crm_utils.study import Study
from crm_utils.study.scenarios import Automation
from crm_utils.tables import orders
from crm_utils.tools import durable

__all__ = ["HandedOver", "hand_over", "refuse_before_rules"]

_TABLES = ("consents", "events", "feedback", "order_status", "reach")


@dataclass(frozen=True)
class HandedOver:
    """What left the house.

    Attributes
    ----------
    files
        Under ``private/``, readable by their owner alone.
    sent, held_out
        Messages in the files, and customers left out at random; both are remembered.
    dropped
        Of both, by reason: ``exit``, ``suppressed``, ``no_consent``, ``without_channel``, ``closed_hours``,
        ``no_scenario``, ``no_address``, ``left_out`` (a variable is empty), ``handed_over`` (in another form,
        already).
    hint
        What a person has to confirm before the upload; empty mostly.
    """

    files: tuple[Path, ...]
    sent: int
    held_out: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    hint: str = ""


def hand_over(
    root: Path, study: Study, automation: Automation, table: Path, *,
    snapshot: str, day: dt.date, form: str, own_ids: bool, channel: str = "",
) -> HandedOver:  # fmt: skip
    """Write a contact list in a provider's form, and remember what was handed over.

    Parameters
    ----------
    root, study, automation
        Whose list, scenarios and rules.
    table
        ``contact_list``.
    snapshot
        The id of the one that it was planned from: whose key map.
    day
        The day that the plan looked back from.
    form
        A name in :data:`~crm_utils.people.forms.FORMS`.
    own_ids
        Whether customer_id is the shop's own.
    channel
        Only this one's messages; empty for all that the form takes.

    Raises
    ------
    StudyError
        There is no such form, or the scenarios file lacks what it needs.
    DataError
        The list is no plan, its rules do not hold yet, an address is missing for everybody, or a text does
        not fit.
    """
    chosen = _form(form, automation, channel)
    if not ledger.is_a_plan(table):
        raise DataError(f"{table.stem} is no list to send from: only contact_list is handed over in a form.")
    whole = pq.read_table(table).to_pandas()
    refuse_before_rules(whole, automation.rules)
    wanted = [channel] if channel else list(chosen.channels)
    rows = whole[whole["channel"].isin(wanted)].reset_index(drop=True)
    known = automation.scenario()
    why = _once_more(root, study, rows, known, automation.rules)
    why[(why == "") & rows["message_id"].isin(_others(root, study.name, form))] = "handed_over"
    people = _people(root, study.name, snapshot, rows, own_ids)
    rows = rows.join(people).assign(to=_addresses(chosen, rows, people, own_ids))
    why[(why == "") & (rows["to"] == "")] = "no_address"
    ready, left_out = _filled(rows[why == ""], chosen, known, automation.rules)
    why[left_out] = "left_out"
    if ready.empty:
        raise DataError(_nothing(form, wanted, why, study.name, day))
    written = _written(ready, chosen, automation, day)
    files = _put(root, study.name, written)
    ledger.remember_rows(root, study.name, ready, day=day, handed_to=form)
    _remember_addresses(root, study.name, ready, f"{day.isoformat()}.{form}")
    held_out = int(ready["holdout"].sum())
    dropped = {str(k): int(v) for k, v in sorted(why[why != ""].value_counts().items())}
    facts: dict[str, Any] = {"study": study.name, "snapshot": snapshot, "table": table.stem, "for": form}
    facts |= {"rows": len(ready) - held_out, "held_out": held_out, "files": [path.name for path in files]}
    key_map.log(root / "private" / study.name, facts)
    return HandedOver(tuple(files), len(ready) - held_out, held_out, dropped, chosen.hint)


def refuse_before_rules(rows: pd.DataFrame, rules: Rules) -> None:
    """Refuse a plan for days on which the rules that it was made by do not hold yet.

    Parameters
    ----------
    rows
        A contact list: ``send_at``.
    rules
        The country's.

    Raises
    ------
    DataError
        A message would leave before the day from which the rules are valid.
    """
    if rows.empty or not (first := rows["send_at"].min().date()) < rules.valid_from:
        return
    raise DataError(
        f"rules/{rules.country.lower()}.yaml holds from {rules.valid_from}; this plan is for {first}. "
        "Nothing is handed over: plan a later day, or write the day from which these rules are confirmed "
        "under 'valid_from'."
    )


def _nothing(form: str, wanted: list[str], why: pd.Series[str], study: str, day: dt.date) -> str:
    """Why there is nothing to hand over, and what would change it."""
    if (why == "handed_over").any():
        return (
            f"Nothing is left to hand over for {form}: these messages were handed over in another form "
            "already. "
            f"Where that was never sent, remove its file for {day} from private/{study}/ledger."
        )
    return f"Nothing is left to hand over for {form}: no message goes by {', '.join(wanted)}."


def _form(name: str, automation: Automation, channel: str) -> Form:
    if name not in FORMS:
        raise StudyError(f"There is no form '{name}'. {known_names(name, FORMS, label='There are')}")
    form, given = FORMS[name], automation.providers.get(name, {})
    missing = [setting for setting in form.settings if setting not in given]
    if missing:
        raise StudyError(
            f"{name} needs {', '.join(missing)}: write them under 'providers: {{{name}: …}}' in the study's "
            "scenarios file."
        )
    if channel and channel not in form.channels:
        there = known_names(channel, form.channels, label="It takes")
        raise StudyError(f"{name} takes no messages by {channel}. {there}")
    return form


def _once_more(
    root: Path, study: Study, rows: pd.DataFrame, known: Mapping[str, Scenario], rules: Rules
) -> pd.Series[str]:
    """Why each may not go any more, by the newest data that were loaded."""
    newest = snapshots.current(root, study.name)
    if newest is None:
        raise DataError(f"No data are loaded for '{study.name}'. Load them: crm load-data {study.name}.")
    if newest.lies_at("order_lines"):
        raise StudyError(
            f"The tables of '{study.name}' are read where they lie, and a provider's form is checked against "
            "copied ones. Export the list without --for."
        )
    end = dt.date.fromisoformat(newest.manifest["last_day"]) + dt.timedelta(days=1)
    con = engine.connect()
    try:
        tables = {name: engine.read(con, newest.path(name)) for name in _TABLES if name in newest.tables}
        tables["orders"] = orders(engine.read(con, newest.path("order_lines")))
        now = dt.datetime.combine(end, dt.time())
        return recheck(rows, known, tables, rules, now=now)
    finally:
        con.disconnect()


def _others(root: Path, study: str, form: str) -> set[str]:
    """Messages that were handed over in another form: nobody is to get one twice."""
    rows = ledger.whole(root, study)
    pairs = zip(rows["message_id"].to_pylist(), rows["handed_to"].to_pylist(), strict=True)
    return {message for message, handed_to in pairs if handed_to != form}


def _people(root: Path, study: str, snapshot: str, rows: pd.DataFrame, own_ids: bool) -> pd.DataFrame:
    """What is known of each row's person, a column a kind of identifier."""
    if own_ids:
        return pd.DataFrame(index=rows.index)
    ids = pa.table({"customer_id": pa.array(rows["customer_id"].unique(), pa.string())})
    known = key_map.known(root, study, snapshot, ids).set_index("customer_id")
    people = known.reindex(rows["customer_id"]).set_axis(rows.index)
    return people.drop(columns=[name for name in people.columns if name in rows.columns])


def _addresses(form: Form, rows: pd.DataFrame, people: pd.DataFrame, own_ids: bool) -> list[str]:
    """The address of each row in the form's own way; empty where there is none."""
    nothing = pd.Series("", index=rows.index)

    def kind(name: str) -> pd.Series[str]:
        return people[name].fillna("").astype(str) if name in people.columns else nothing

    if form.address == "id":
        account = kind("account")
        return list(account.where(account != "", rows["customer_id"].astype(str) if own_ids else ""))
    if form.address == "contact":
        return list(rows["customer_id"].astype(str) if own_ids else kind("contact"))
    needed = form.address.split(" or ")
    if not any(name in people.columns for name in needed):
        raise DataError(
            f"{form.name} needs each customer's {form.address}, and the key map has none. Name the "
            "column under "
            "'person' in the study, and load the data again."
        )
    if needed == ["phone"]:
        return [home_number(phone) for phone in kind("phone")]
    first, other = kind(needed[0]), kind(needed[-1])
    return list(first.where(first != "", other))


def _filled(
    rows: pd.DataFrame, form: Form, known: Mapping[str, Scenario], rules: Rules
) -> tuple[pd.DataFrame, pd.Index]:
    """Rows with their texts; and those whose variable says to leave them out."""
    parts = []
    for (name, channel), part in rows.groupby(["scenario", "channel"], sort=True):
        scenario = known[str(name)]
        if scenario.template is None and not form.template:
            parts.append(part.assign(text="", subject=""))
        else:
            parts.append(filled(part, scenario, rules, str(channel), whole=form.text))
    ready = pd.concat(parts) if parts else rows.assign(text="", subject="")
    for name in ("email", "phone"):
        ready[name] = ready[name].fillna("").astype(str) if name in ready.columns else ""
    return ready, rows.index.difference(ready.index)


def _written(ready: pd.DataFrame, form: Form, automation: Automation, day: dt.date) -> dict[str, str]:
    """All files as text, by name, before any is written: a text that does not fit stops them all."""
    to_send = ready[~ready["holdout"].astype(bool)]
    files: dict[str, str] = {}
    by = [to_send["scenario"], to_send["channel"], to_send["send_at"].dt.floor("h"),
          _opened_since(to_send["send_at"], automation.rules)]  # fmt: skip
    known, settings = automation.scenario(), automation.providers.get(form.name, {})
    for (name, channel, hour, part), rows in to_send.groupby(by, sort=True):
        ordered = rows.sort_values(["send_at", "message_id"])
        batch = Batch(ordered, known[str(name)], automation.rules, str(channel), settings)
        stem = f"{form.name}-{day.isoformat()}-{name}-{channel}-{hour:%Y%m%dT%H}00" + (
            f"-{part}" if part else ""
        )
        for suffix, text in form.write(batch):
            files[f"{stem}{suffix}.{form.ending}"] = text
    return files


def _opened_since(moments: pd.Series[pd.Timestamp], rules: Rules) -> pd.Series[int]:
    """How many closing times of its hour have passed: what is due at 20:40 must not wait until 20:55."""
    spans = [rules.closed, *(channel.closed for channel in rules.channels.values())]
    minutes = {clock.minute for span in spans if span for clock in (span.start, span.end)} - {0}
    passed = pd.Series(0, index=moments.index)
    for minute in minutes:
        passed += (moments.dt.minute >= minute).astype(int)
    return passed


def _put(root: Path, study: str, written: Mapping[str, str]) -> list[Path]:
    home = ledger.own(root / "private" / study / "exports", root)
    paths = []
    for name, text in written.items():
        with durable.replacing(home / name) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        paths.append(home / name)
    return paths


def _remember_addresses(root: Path, study: str, ready: pd.DataFrame, name: str) -> None:
    """Where each message went, for providers that echo the address and no id."""
    home = ledger.own(root / "private" / study / "addresses", root)
    kept = ready[["message_id", "to", "send_at"]].astype({"to": str})
    with durable.replacing(home / f"{name}.parquet") as temporary:
        kept.to_parquet(temporary, index=False)
        temporary.chmod(0o600)
