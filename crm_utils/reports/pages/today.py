"""What is there to do? A run's actions as cards, what should bring most first; and what must not be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from crm_utils.sentences import pages as words
from crm_utils.sentences.actions import certainty_words, gain_words

__all__ = ["cards", "is_taken", "sending"]

#: The one list to send from, and the notebook that makes it.
_SENT, _SENDER = "contact_list", "campaign_targeting"


def cards(
    manifest: Mapping[str, Any],
    results: Mapping[str, Mapping[str, Any]],
    names: Iterable[str],
    *,
    own_page: bool = False,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The actions of these notebooks: what is sent today first, then by expected net gain; to avoid.

    On the first page, what a scenario sends is on the card of the contact list alone: only there consents,
    hours and limits were looked at, so another card would name a count that may not be sent.

    Parameters
    ----------
    manifest
        The content of the run's ``run.json``.
    results
        What each notebook of the run recorded.
    names
        The notebooks whose actions are asked for.
    own_page
        Whether the cards are for a notebook's own page, which shows all that it proposes.
    """
    ordered = [
        _card(manifest, results, name, action, number)
        for name in names
        for number, action in enumerate(results.get(name, {}).get("actions", []), start=1)
        if own_page or action["avoid"] or not is_taken(manifest, action["list"])
    ]
    ordered.sort(key=lambda card: (card["list"] != _SENT, card["order"] is None, -(card["order"] or 0)))
    return [c for c in ordered if not c["avoid"]], [c for c in ordered if c["avoid"]]


def _card(
    manifest: Mapping[str, Any],
    results: Mapping[str, Mapping[str, Any]],
    name: str,
    action: Mapping[str, Any],
    number: int,
) -> dict[str, Any]:
    saved = [r.get("tables", {}) for r in results.values()]
    table = next((tables[action["list"]] for tables in saved if action["list"] in tables), None)
    question = next((n.get("question") for n in manifest["notebooks"] if n["name"] == name), "") or name
    return {
        "order": action["gain"],
        "avoid": action["avoid"],
        "headline": words.headline(action),
        "why": action["why"],
        "offer": action["offer"],
        "channel": action["channel"],
        "gain": gain_words(action, currency=manifest["currency"]),
        "has_gain": action["gain"] is not None,
        "certainty": certainty_words(action["certainty"]),
        "tested": action["certainty"] == "tested",
        "held_out": action["held_out"],
        "list": action["list"],
        "rows": table["rows"] if table else 0,
        "files": sorted(table["files"]) if table else [],
        "send": sending(manifest, action["list"], table),
        "mind": _mind(manifest, action, table),
        "anchor": f"do-{number}",
        "finding": action["anchor"],
        "page": quote(f"{name}.html"),
        "question": question,
        "tab": words.tab(name),
    }


def sending(manifest: Mapping[str, Any], name: str, table: Mapping[str, Any] | None) -> dict[str, str]:
    """How a list is sent: what to type, or what to know instead; both empty where it is no list of customers.

    A list that a scenario takes goes out with the contact list, so that nobody is written to twice.

    Parameters
    ----------
    manifest
        The content of the run's ``run.json``.
    name, table
        The list, and what its notebook recorded of it.
    """
    if not table or "customer_id" not in table["columns"]:
        return {"command": "", "says": ""}
    if is_taken(manifest, name):
        return {"command": "", "says": words.goes_out_with(_SENT)}
    published = manifest["status"] in ("passed", "running") and not manifest.get("only")
    day = manifest["as_of"] if published else manifest["run_id"]
    return {"command": f"crm export {manifest['study']} {day} {name}", "says": ""}


def _mind(
    manifest: Mapping[str, Any], action: Mapping[str, Any], table: Mapping[str, Any] | None
) -> list[str]:
    """What to mind before an action's list is sent: nobody looked at consent."""
    name = action["list"]
    if not table or "customer_id" not in table["columns"] or name == _SENT or action["avoid"]:
        return []
    beside = _sends(manifest) and name not in manifest.get("lists_taken", [])
    return [words.check_consent(_SENT)] * beside


def is_taken(manifest: Mapping[str, Any], name: str) -> bool:
    """Whether a list goes out with the contact list: that says by which channel, and to how many it may."""
    return name != _SENT and name in manifest.get("lists_taken", []) and _sends(manifest)


def _sends(manifest: Mapping[str, Any]) -> bool:
    """Whether the run makes a contact list; a page may be written before it is there."""
    stands = {n["name"]: n.get("status", "passed") for n in manifest["notebooks"]}
    return stands.get(_SENDER) in ("passed", "running", "not run") and (
        not manifest.get("only") or stands[_SENDER] == "passed"
    )
