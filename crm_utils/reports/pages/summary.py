"""What would a mail say of a report? Its state, what to do today, what not: ``summary.txt``, plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crm_utils.sentences import pages as words
from crm_utils.tools import durable
from crm_utils.tools.language import _

__all__ = ["NAME", "write_summary"]

NAME = "summary.txt"


def write_summary(
    folder: Path,
    manifest: Mapping[str, Any],
    *,
    state: Mapping[str, Any],
    cards: Sequence[Mapping[str, Any]],
    avoid: Sequence[Mapping[str, Any]],
) -> None:
    """Write a run's ``summary.txt`` beside its ``run.json``, whose path ``--on-end`` hands over."""
    lines = [_("{shop}, data to {day}").format(shop=manifest["title"], day=words.day(manifest["as_of"])), ""]
    if manifest["status"] != "passed":
        failed = _("The run did not pass and was not published.")
        lines += [f"{failed} {manifest.get('reason', '')}".strip()]
        lines += [f"- {n['name']}: {n['reason']}" for n in manifest["notebooks"] if n["status"] == "failed"]
    lines += [f"! {alarm['text']}" for alarm in state["alarms"]]
    lines += [state["complete"]] if state["complete"] else []
    lines += ["", _("Do today")]
    for place, card in enumerate(cards, start=1):
        lines += [
            f"{place}. {card['headline']}",
            "   " + _("Expected gain: {gain}").format(gain=card["gain"]),
        ]
        send = card["send"]["command"] or card["send"]["says"]
        lines += [f"   {send}"] if send else []
    lines += [] if cards else [_("No analysis of this run proposes an action.")]
    if avoid:
        lines += ["", _("Do not"), *(f"- {card['headline']}" for card in avoid)]
    durable.replace(folder / NAME, "\n".join(lines) + "\n")
