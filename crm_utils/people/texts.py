"""What does each message say? A template with its variables filled in, and the marks that a country wants."""

from __future__ import annotations

import re

import pandas as pd

from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.methods.campaign_targeting import Rules, Scenario

__all__ = ["filled", "marked"]

_UNMARKED = ("alimtalk", "in_app")
"""Channels whose provider marks advertising itself, or that carry none."""


def filled(
    rows: pd.DataFrame, scenario: Scenario, rules: Rules, channel: str, *, whole: bool
) -> pd.DataFrame:
    """Rows with what they say: ``text``, ``subject``, and ``var <name>`` for each variable.

    Parameters
    ----------
    rows
        Of one scenario and channel: the list's columns, and what is known of each person.
    scenario, rules, channel
        Whose template, and which marks.
    whole
        Whether the text itself is needed, not only its variables.

    Returns
    -------
    pandas.DataFrame
        The rows, without those that a variable leaves out.

    Raises
    ------
    StudyError
        The scenario has no template or text though one is needed, a variable takes a column that is not
        there, or the text holds a mark that is not allowed.
    DataError
        A variable is empty for somebody, and has no default.
    """
    template = scenario.template
    if template is None or (whole and not template.text):
        what = "template: {id, text, variables}" if whole else "template: {id, variables}"
        raise StudyError(f"Scenario '{scenario.id}' has no text for {channel}: give it a {what}.")
    out = rows.copy()
    for name, variable in template.variables.items():
        if variable.column not in out.columns:
            known = known_names(variable.column, sorted(map(str, rows.columns)), label="There are")
            raise StudyError(
                f"Scenario '{scenario.id}': variable '{name}' takes '{variable.column}', which neither "
                "the list "
                f"nor the key map has. {known}"
            )
        out[f"var {name}"] = out[variable.column].astype(object).where(out[variable.column].notna(), "")
        empty = out[f"var {name}"].astype(str).str.strip() == ""
        if variable.default is not None:
            out.loc[empty, f"var {name}"] = variable.default
        elif variable.leave_out:
            out = out[~empty]
        elif empty.any():
            raise DataError(
                f"Variable '{name}' is empty for {int(empty.sum())} of {len(out)} customers; give a "
                "default or "
                "leave them out."
            )
    advertising = scenario.kind == "advertising" and channel not in _UNMARKED
    return out.assign(
        text=_texts(out, template.text, rules, scenario, advertising and channel != "email", whole=True),
        subject=_texts(
            out, template.subject, rules, scenario, advertising and channel == "email", whole=False
        ),
    )


def _texts(
    rows: pd.DataFrame, text: str, rules: Rules, scenario: Scenario, advertising: bool, *, whole: bool
) -> list[str]:
    if not text:
        return [""] * len(rows)
    said = marked(text, rules, scenario.id, whole=whole) if advertising else text
    names = re.findall(r"\{(\w+)\}", said)
    columns = {name: rows[f"var {name}"].astype(str).tolist() for name in set(names)}
    made = []
    for number in range(len(rows)):
        made.append(re.sub(r"\{(\w+)\}", lambda m, n=number: columns[m[1]][n], said))  # type: ignore[misc]
    return made


def marked(text: str, rules: Rules, scenario: str, *, whole: bool) -> str:
    """A text with what advertising must begin and (the whole text) end with.

    Raises
    ------
    StudyError
        The text holds a mark in a form that is not allowed, or the rules lack the number to refuse it by.
    """
    mark = rules.mark
    for form in mark.never:
        if form in text:
            raise StudyError(
                f"The text of '{scenario}' holds '{form}'. Leave it out: '{mark.first}' is added."
            )
    begun = f"{mark.first}{text}" if mark.first and not text.startswith(mark.first) else text
    if not whole or not mark.last:
        return begun
    if "{number}" in mark.last and not mark.number:
        raise StudyError(
            f"rules/{rules.country.lower()}.yaml has no mark.number: advertising must say how to refuse "
            "it for "
            "free. Write your number."
        )
    return f"{begun}\n{mark.last.replace('{number}', mark.number)}"
