"""What is said of a list in a provider's form, and of the results that come back? Sentences of commands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from crm_utils import study as studies
from crm_utils.study import Study
from crm_utils.study.scenarios import read_automation

__all__ = ["in_a_form", "only_under_rules", "what_came_back"]

_REASONS = {
    "exit": "who had done it meanwhile",
    "suppressed": "who bought or sent something back just now",
    "no_consent": "without a consent by now",
    "without_channel": "whom the channel cannot reach any more",
    "closed_hours": "which would arrive in closed hours",
    "no_scenario": "of a scenario that is no more",
    "no_address": "without an address that this form can use",
    "left_out": "without a variable, whom the template leaves out",
    "handed_over": "handed over in another form already",
}
_STATES = {
    "matched": "of messages that were handed over",
    "fallback": "sent in place of such a message",
    "unmatched": "of no message that was handed over",
    "repeated": "there already in this file",
    "unreadable": "that cannot be read",
}


def in_a_form(
    root: Path, name: str, table: Path, *, form: str, channel: str, snapshot: str, day: dt.date, own_ids: bool
) -> Iterator[str]:
    """Hand a list over, and say what was written, who is held out and who dropped out since the plan."""
    from crm_utils.people.handing_over import hand_over

    study = studies.read_study(root, name)
    done = hand_over(
        root, study, read_automation(root, study), table, form=form, channel=channel, snapshot=snapshot,
        day=day, own_ids=own_ids,
    )  # fmt: skip
    yield f"Written for {form}: messages {done.sent:,}, files {len(done.files):,}"
    yield from (f"  {path.relative_to(root)}" for path in done.files)
    yield f"Held out at random: customers {done.held_out:,}. Both are remembered."
    yield from (f"Left out since the plan: {count:,}, {_REASONS[why]}" for why, count in done.dropped.items())
    if done.hint:
        yield done.hint


def only_under_rules(root: Path, name: str, table: Path) -> None:
    """Refuse to hand over a list for days on which the country's rules do not hold yet."""
    from crm_utils.people.handing_over import refuse_before_rules

    automation = read_automation(root, studies.read_study(root, name))
    refuse_before_rules(pd.read_parquet(table, columns=["send_at"]), automation.rules)


def what_came_back(root: Path, study: Study, path: Path, *, provider: str) -> Iterator[str]:
    """Read a result file, and say what became of its rows."""
    from crm_utils.loading.responses import read_back

    counted = read_back(root, study, path, provider=provider)
    yield f"Rows of {path.name}: {counted.rows:,}"
    yield from (f"  {_STATES[state]}: {count:,}" for state, count in counted.states.items() if count)
    for code, count in counted.unknown_codes.items():
        yield f"  code {code}, which the mapping does not know; kept with it: {count:,}"
    if counted.sent_although_held_out:
        yield (
            "LOOK: somebody sent from another list; the comparison is weaker for it. Customers held out who "
            f"got a message: {counted.sent_although_held_out:,}"
        )
