"""How do a notebook's pictures reach a page? Small, described, numbered, inside the file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from crm_utils.tools.language import _
from crm_utils.tools.small_png import PICTURE

from .document import fill

__all__ = ["Picture", "Shown", "data_uri", "figure", "picture_kind", "pictures"]

_KINDS = ("image/svg+xml", "image/png", "image/jpeg")  # nbconvert's own order of preference


@dataclass(frozen=True)
class Picture:
    """A picture in an executed notebook.

    Attributes
    ----------
    number
        1 for the first of the page; the page shows it under the id ``figure-<number>``.
    cell
        Position of its cell in the notebook, from 0.
    kind
        ``image/png``, ``image/jpeg`` or ``image/svg+xml``.
    content
        The file's bytes.
    alt, caption
        What the cell's metadata say; empty when they say nothing.
    width
        How wide it is meant to be shown, in CSS pixels; None leaves it to the file.
    narrow
        The same drawn for a phone, a PNG in base64; empty where there is none.
    tables
        The numbers it draws: a table a panel, with ``title``, ``head`` and ``rows``.
    """

    number: int
    cell: int
    kind: str
    content: bytes
    alt: str
    caption: str
    width: int | None
    narrow: str = ""
    tables: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Shown:
    """A picture as a page shows it: under which number, described how."""

    picture: Picture
    number: int
    alt: str


def pictures(notebook: Any) -> Iterator[Picture]:
    """Yield the pictures of an executed notebook, in reading order."""
    number = 0
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            kind = picture_kind(output)
            if kind is None:
                continue
            number += 1
            raw = output["data"][kind]
            text = "".join(raw) if isinstance(raw, list) else raw
            size = output.get("metadata", {}).get(kind, {}).get("width")
            beside = output["data"].get(PICTURE, {})
            yield Picture(
                number=number,
                cell=position,
                kind=kind,
                content=text.encode() if kind == "image/svg+xml" else base64.b64decode(text),
                alt=str(cell.metadata.get("alt", "")).strip(),
                caption=str(cell.metadata.get("caption", "")).strip(),
                width=size if isinstance(size, int) else None,
                narrow=beside.get("narrow", ""),
                tables=beside.get("tables", []),
            )


def picture_kind(output: Any) -> str | None:
    """Which picture an output is, or None when it is shown as something else."""
    data = output.get("data", {})
    if "text/html" in data:
        return None
    return next((kind for kind in _KINDS if kind in data), None)


def data_uri(kind: str, content: bytes) -> str:
    """A picture as an address that holds the picture itself.

    Examples
    --------
    >>> data_uri("image/png", b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def figure(shown: Shown) -> Markup:
    """A picture with its message below it, and its numbers folded below that."""
    picture, number = shown.picture, fill(_("Figure {number}"), number=shown.number)
    width = Markup(' width="{}"').format(picture.width) if picture.width else ""
    missing = "" if picture.alt or picture.caption else Markup(' <em class="undescribed">{}</em>').format(
        _("This picture has no description.")
    )  # fmt: skip
    image = Markup('<img src="{source}" alt="{alt}"{width}>').format(
        source=data_uri(picture.kind, picture.content), alt=shown.alt, width=width
    )
    if picture.narrow:
        source = Markup('<source media="(max-width: 40rem)" srcset="data:image/png;base64,{}">')
        image = Markup("<picture>{}{}</picture>").format(source.format(picture.narrow), image)
    return Markup(
        '<figure id="figure-{n}"><div class="picture{fits}" role="group" tabindex="0" aria-label="{number}">'
        "{image}</div>"
        "<figcaption><span>{number}</span> <span>{alt}</span>{missing}</figcaption>{numbers}</figure>"
    ).format(
        n=shown.number, number=number, missing=missing, image=image, alt=shown.alt,
        fits=" fits" if picture.narrow else "", numbers=_numbers(shown),
    )  # fmt: skip


def _numbers(shown: Shown) -> Markup:
    """The tables of a picture's numbers, in one fold; nothing where there are none."""
    if not shown.picture.tables:
        return Markup("")
    tables = Markup("").join(_table(table) for table in shown.picture.tables)
    summary = fill(_("The numbers of figure {number}"), number=shown.number)
    return Markup('<details class="drawn on-screen"><summary>{}</summary>{}</details>').format(
        summary, tables
    )


def _table(table: dict[str, Any]) -> Markup:
    """One panel's numbers, in the picture's own words: they went through the catalogue as it was drawn."""
    heads = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="number"') if k else "", head)
        if head
        else Markup("<td></td>")
        for k, head in enumerate(table["head"])
    )
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0], Markup("").join(Markup('<td class="number">{}</td>').format(cell) for cell in row[1:])
        )
        for row in table["rows"]
    )
    return Markup(
        '<div class="numbers" role="group" tabindex="0" translate="no" aria-label="{title}"><table>'
        "<caption><span>{title}</span></caption><thead><tr>{heads}</tr></thead>"
        "<tbody>{rows}</tbody></table></div>"
    ).format(title=table["title"], heads=heads, rows=rows)
