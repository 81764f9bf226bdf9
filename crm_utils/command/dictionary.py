"""What stands in data/README.md? The data dictionary, written from the tables' own specifications."""

from __future__ import annotations

from crm_utils.tables import TABLES

__all__ = ["dictionary"]


def dictionary() -> str:
    """The data dictionary as Markdown: every table, its columns, and what may be known when."""
    parts = [_DICTIONARY_HEAD]
    for spec in TABLES.values():
        key = ", ".join(spec.key) or "none"
        parts.append(
            f"\n## {spec.name}\n\nOne row is {spec.row}. Key: {key}. Cut at `as_of` by `{spec.cut}`.\n"
        )
        parts.append("| column | type | unit | meaning |\n|---|---|---|---|")
        for c in spec.columns:
            marks = "; never empty" if c.required else ""
            marks += "; null where it lies after `as_of`" if c.later_is_null else ""
            marks += f"; null where {c.known_at} lies after `as_of`" if c.known_at else ""
            parts.append(f"| {c.name} | {c.type} | {c.unit} | {c.meaning}{marks} |")
        parts += [f"\n{note}" for note in spec.notes]
        if spec.extra:
            parts.append("\nFurther columns are allowed: attributes that a source brings along.")
    return "\n".join(parts) + "\n"


_DICTIONARY_HEAD = """# Data

Raw inputs and snapshots live here and can be rebuilt; only this page is in the repository. It is
generated (`crm dictionary > data/README.md`) from `crm_utils/tables.py` and the sources.

`snapshots/<study>/<id>/` holds a Parquet file a table, `snapshot.json` (inputs with their SHA-256, rows
read = loaded + set aside + left out for every table) and, where rows broke the contract,
`quarantine/<table>.parquet` with file, row (the line, where no value holds a line break and no line is
empty), raw text and reason. What is left out, and why, the study says; it is counted by reason. Snapshots
never change; `CURRENT` names the one in use.

Times are the shop's local wall clock, without a zone. Money and quantities are exact decimals. Ids are
text. A table opened at an `as_of` holds only what was known then. `orders` is a view: order lines after
the cut, brought together to a row an order."""
