"""How do a notebook's pictures reach a page? Small, described, numbered, inside the file."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from crm_utils.packing import on_white, with_palette, write_png

__all__ = ["Picture", "beside_findings", "data_uri", "picture_kind", "pictures", "thumbnail"]

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
    """

    number: int
    cell: int
    kind: str
    content: bytes
    alt: str
    caption: str
    width: int | None


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
            yield Picture(
                number=number,
                cell=position,
                kind=kind,
                content=text.encode() if kind == "image/svg+xml" else base64.b64decode(text),
                alt=str(cell.metadata.get("alt", "")).strip(),
                caption=str(cell.metadata.get("caption", "")).strip(),
                width=size if isinstance(size, int) else None,
            )


def picture_kind(output: Any) -> str | None:
    """Which picture an output is, or None when it is shown as something else."""
    data = output.get("data", {})
    if "text/html" in data:
        return None
    return next((kind for kind in _KINDS if kind in data), None)


def beside_findings(notebook: Any) -> dict[str, Picture]:
    """The picture that belongs to each finding, by the finding's anchor.

    It is the nearest one under the same heading, the one above before the one below.
    """
    section, sections, anchors = 0, [], {}
    for position, cell in enumerate(notebook.cells):
        section += cell.cell_type == "markdown" and bool(re.search(r"^#+ ", cell.source, flags=re.MULTILINE))
        sections.append(section)
        for output in cell.get("outputs", []):
            for anchor in re.findall(r'id="(finding-\d+)"', str(output.get("data", {}).get("text/html", ""))):
                anchors[anchor] = position
    drawn = list(pictures(notebook))
    near = {
        anchor: [p for p in drawn if sections[p.cell] == sections[position]]
        for anchor, position in anchors.items()
    }
    return {
        anchor: min(found, key=lambda p: (abs(p.cell - anchors[anchor]), p.cell > anchors[anchor]))
        for anchor, found in near.items()
        if found
    }


def thumbnail(content: bytes, width: int) -> bytes:
    """A small copy of a picture as PNG, ``width`` pixels wide at most."""
    with Image.open(io.BytesIO(content)) as opened:
        flat = on_white(opened)
    flat.thumbnail((width, width), Image.Resampling.LANCZOS)
    return write_png(with_palette(flat, colors=64))


def data_uri(kind: str, content: bytes) -> str:
    """A picture as an address that holds the picture itself.

    Examples
    --------
    >>> data_uri("image/png", b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
