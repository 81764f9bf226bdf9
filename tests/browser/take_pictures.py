"""The README's pictures, taken of a real report.

``python tests/browser/take_pictures.py reports docs/images``
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from chromium import chromium
from PIL import Image

LARGEST = 300_000  # bytes: the README stays quick on a slow line
DESK = {"viewport": {"width": 1280, "height": 1000}, "device_scale_factor": 1.25}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.5, "is_mobile": True}
DARK = {"color_scheme": "dark"}


def photograph(browser, path: Path, *, at: str = "", **view) -> Image.Image:
    """What a reader sees of a page on opening it, or from an element on."""
    context = browser.new_context(**view)
    tab = context.new_page()
    tab.goto(path.resolve().as_uri())
    if at:
        tab.locator(at).first.evaluate("e => window.scrollTo(0, e.getBoundingClientRect().top - 24)")
    image = Image.open(io.BytesIO(tab.screenshot()))
    context.close()
    return image.convert("RGB")


def side_by_side(*images: Image.Image, gap: int = 24) -> Image.Image:
    joined = Image.new(
        "RGB", (sum(i.width + gap for i in images) - gap, max(i.height for i in images)), "white"
    )
    left = 0
    for image in images:
        joined.paste(image, (left, 0))
        left += image.width + gap
    return joined


def save(image: Image.Image, path: Path) -> None:
    """As a PNG with as many colours as the size allows."""
    for colours in (256, 128, 64):
        image.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            print(f"{path} {path.stat().st_size:,} bytes")  # noqa: T201
            return
    raise SystemExit(f"{path} is larger than {LARGEST:,} bytes: choose a smaller view")


def take(reports: Path, images: Path) -> None:
    report = sorted(reports.glob("*/latest"))[0]
    pages = sorted(p for p in report.glob("*.html") if p.name != "index.html")
    images.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        save(photograph(browser, report / "index.html", **DESK), images / "index.png")
        for page in pages:
            save(photograph(browser, page, **DESK), images / f"{page.stem}.png")
        page = pages[-1]
        phones = [
            photograph(browser, report / "index.html", **PHONE),
            photograph(browser, page, at="figure", **PHONE),
            photograph(browser, page, at="figure", **PHONE, **DARK),
        ]
        save(side_by_side(*phones), images / "phone.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
