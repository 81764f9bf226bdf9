"""How do a notebook's pictures reach a page? Small, described, numbered, inside the file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops

__all__ = ["Picture", "data_uri", "picture_kind", "pictures", "shrink", "thumbnail"]

_KINDS = ("image/svg+xml", "image/png", "image/jpeg")  # nbconvert's own order of preference
_COLOURS = 256
_VISIBLE = 12  # of 255: a difference in a channel that nobody sees between two shades of a picture


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


def shrink(png: bytes) -> bytes:
    """Write a PNG with a palette where nobody can see the difference, else as well packed as can be.

    A chart has few colours and many shades of their edges: 256 hold it, at a third of the size. A
    picture with continuous shades may not fit; then it keeps its colours.
    """
    with Image.open(io.BytesIO(png)) as opened:
        image = opened.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    flat = Image.alpha_composite(white, image).convert("RGB")
    few = flat.quantize(colors=_COLOURS, dither=Image.Dither.NONE)
    difference = ImageChops.difference(flat, few.convert("RGB"))
    packed = _png(few if max(difference.tobytes()) <= _VISIBLE else flat)
    return min(png, packed, key=len)


def thumbnail(content: bytes, width: int) -> bytes:
    """A small copy of a picture as PNG, ``width`` pixels wide at most."""
    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("RGBA")
    image.thumbnail((width, width), Image.Resampling.LANCZOS)
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return _png(flat.quantize(colors=64, dither=Image.Dither.NONE))


def _png(image: Image.Image) -> bytes:
    packed = io.BytesIO()
    image.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def data_uri(kind: str, content: bytes) -> str:
    """A picture as an address that holds the picture itself.

    Examples
    --------
    >>> data_uri("image/png", b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
