"""How does a chart become a small file? A PNG with a palette: a third of the bytes, and it looks the same.

A notebook packs its pictures as it draws them (``plots/canvas.py``); a page packs those that came otherwise.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageChops, ImageStat

__all__ = ["PICTURE", "on_white", "pack", "shrink", "with_palette", "write_png"]

PICTURE = "application/vnd.crm-utils.picture+json"
"""What a notebook's output holds beside a picture: ``narrow``, its PNG for a phone in base64 or empty,
and ``tables``, the numbers it draws."""

_VISIBLE = 4.0  # of 255, root mean square in a colour channel: measured, and looked at, on our own charts
#: Where a PNG's header says what a pixel is, and what it says where pixels are places in a palette.
_COLOUR_TYPE, _IS_PALETTE = 25, 3


def pack(image: Image.Image) -> bytes:
    """Write a picture as PNG with a palette of 256 colours, or with all it has where those would show.

    A chart is few colours and the shades of their edges.

    Parameters
    ----------
    image
        Of any mode; what is transparent becomes white.

    Examples
    --------
    >>> with Image.open(io.BytesIO(pack(Image.new("RGBA", (300, 200), "red")))) as small:
    ...     print(small.mode, small.size)
    P (300, 200)
    """
    flat = on_white(image)
    few = with_palette(flat)
    error = ImageStat.Stat(ImageChops.difference(flat, few.convert("RGB"))).rms
    return write_png(few if max(error) < _VISIBLE else flat)


def shrink(png: bytes) -> bytes:
    """Pack a PNG that is not packed yet; it stays as it is where that makes it no smaller."""
    if png[_COLOUR_TYPE : _COLOUR_TYPE + 1] == bytes([_IS_PALETTE]):
        return png
    with Image.open(io.BytesIO(png)) as opened:
        return min(png, pack(opened), key=len)


def with_palette(flat: Image.Image, colors: int = 256) -> Image.Image:
    """A picture with a palette, found on every third dot of every third line: a ninth of Pillow's own time.

    Pillow gives each dot a near colour of the palette, not the nearest. So each colour of the palette then
    becomes the mean of the dots that it stands for, and flat areas have the colour they had.
    """
    size = (flat.width // 3 or 1, flat.height // 3 or 1)
    dots = flat.resize(size, Image.Resampling.NEAREST)
    few = flat.quantize(palette=dots.quantize(colors=colors), dither=Image.Dither.NONE)
    index = np.asarray(few.resize(size, Image.Resampling.NEAREST)).ravel()
    seen = np.bincount(index, minlength=256)
    sums = np.stack([np.bincount(index, np.asarray(band).ravel(), 256) for band in dots.split()], axis=1)
    palette = np.zeros((256, 3))
    palette[: len(few.getpalette() or ()) // 3] = np.reshape(few.getpalette() or (), (-1, 3))
    # A colour that only dots between those looked at have stays as Pillow found it.
    mean = np.where(seen[:, None] > 0, sums / seen.clip(1)[:, None], palette)
    few.putpalette(np.rint(mean).astype(np.uint8).tobytes())
    return few


def on_white(image: Image.Image) -> Image.Image:
    """The picture in red, green and blue, as a white page shows it."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def write_png(image: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()
