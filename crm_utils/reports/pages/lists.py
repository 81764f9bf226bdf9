"""Which lists did a run save, what for, and what does each column mean? Also as ``tables/README.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crm_utils import wording
from crm_utils.sentences import pages as words
from crm_utils.tools import durable
from crm_utils.tools.language import _, ngettext

from .document import size
from .today import sending

__all__ = ["lists", "write_dictionary"]


def lists(
    folder: Path, manifest: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Every saved table whose files are there: rows, purpose, columns, files; to act on first, no empty one.

    Parameters
    ----------
    folder
        The run's folder.
    manifest, results
        The content of its ``run.json``; what its notebooks recorded.
    """
    asked = {action["list"] for result in results.values() for action in result.get("actions", [])}
    saved = [
        {
            "name": name,
            "rows": ngettext("{count} row", "{count} rows", table["rows"]).format(
                count=wording.count(table["rows"])
            ),
            "purpose": table.get("purpose", ""),
            "columns": [(c, *_meaning(table, c)) for c in table["columns"]],
            "described": bool(table.get("meanings")),
            "files": files,
            "only_parquet": not any(f["kind"] == "CSV" for f in files),
            "send": sending(manifest, name, table),
            "asked": name in asked,
            "page": f"{notebook}.html",
            "tab": words.tab(notebook),
        }
        for notebook, result in results.items()
        for name, table in result.get("tables", {}).items()
        if (files := list(_files(folder, table))) and (table["rows"] or name in asked)
    ]
    return sorted(saved, key=lambda one: (one["name"] not in asked, not one["purpose"]))


def _files(folder: Path, table: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for file in sorted(table["files"]):
        path = folder / "tables" / file
        if path.is_file():
            kind = {".csv": "CSV", ".parquet": "Parquet"}.get(path.suffix, path.suffix)
            yield {"path": f"tables/{file}", "name": file, "kind": kind, "size": size(path)}


def _meaning(table: Mapping[str, Any], column: str) -> tuple[str, str]:
    meaning, unit = table.get("meanings", {}).get(column, ("", ""))
    return meaning, unit


def write_dictionary(folder: Path, saved: list[dict[str, Any]]) -> None:
    """Write ``tables/README.md``: what each list is for, and what its columns mean."""
    if not saved:
        return
    lines = [f"# {_('The lists of this report')}"]
    for one in saved:
        lines += ["", f"## {one['name']}", "", f"{one['rows']}. {one['purpose']}".strip(), ""]
        lines += [f"| {_('Column')} | {_('Meaning')} | {_('Unit')} |", "|---|---|---|"]
        lines += [f"| {' | '.join(map(_cell, column))} |" for column in one["columns"]]
    durable.replace(folder / "tables" / "README.md", "\n".join(lines) + "\n")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
