"""How do a notebook's pictures reach a page? Small, described, numbered, inside the file."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageStat

__all__ = ["Picture", "beside_findings", "data_uri", "picture_kind", "pictures", "shrink", "thumbnail"]

_KINDS = ("image/svg+xml", "image/png", "image/jpeg")  # nbconvert's own order of preference
_VISIBLE = 4.0  # of 255, root mean square in a colour channel: measured, and looked at, on our own charts


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


def shrink(png: bytes) -> bytes:
    """Write a PNG with a palette of 256 colours, unless it would show.

    A chart is few colours and the shades of their edges: with a palette it takes a third of the bytes.
    """
    flat = _on_white(png)
    few = _with_palette(flat)
    error = ImageStat.Stat(ImageChops.difference(flat, few.convert("RGB"))).rms
    return min(png, _png(few), key=len) if max(error) < _VISIBLE else png


def _with_palette(flat: Image.Image) -> Image.Image:
    """256 colours, found on every third dot of every third line: a ninth of the time of Pillow's own.

    Pillow gives each dot a near colour of the palette, not the nearest. So each colour of the palette then
    becomes the mean of the dots that it stands for, and flat areas have the colour they had.
    """
    size = (flat.width // 3 or 1, flat.height // 3 or 1)
    dots = flat.resize(size, Image.Resampling.NEAREST)
    few = flat.quantize(palette=dots.quantize(colors=256), dither=Image.Dither.NONE)
    index = np.asarray(few.resize(size, Image.Resampling.NEAREST)).ravel()
    stands_for = np.bincount(index, minlength=256).clip(1)
    channels = [np.bincount(index, np.asarray(band).ravel(), 256) / stands_for for band in dots.split()]
    few.putpalette(np.rint(np.stack(channels, axis=1)).astype(np.uint8).tobytes())
    return few


def thumbnail(content: bytes, width: int) -> bytes:
    """A small copy of a picture as PNG, ``width`` pixels wide at most."""
    flat = _on_white(content)
    flat.thumbnail((width, width), Image.Resampling.LANCZOS)
    return _png(flat.quantize(colors=64, dither=Image.Dither.NONE))


def _on_white(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        if not opened.has_transparency_data or opened.getextrema()[-1] == (255, 255):
            return opened.convert("RGB")
        image = opened.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _png(image: Image.Image) -> bytes:
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return packed.getvalue()


def data_uri(kind: str, content: bytes) -> str:
    """A picture as an address that holds the picture itself.

    Examples
    --------
    >>> data_uri("image/png", b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
