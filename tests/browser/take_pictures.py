"""The README's pictures, taken of a real report.

``python tests/browser/take_pictures.py reports docs/images``
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from chromium import chromium
from PIL import Image

LARGEST = 300_000  # bytes: the README stays quick on a slow line
DESK = {"viewport": {"width": 1280, "height": 1000}, "device_scale_factor": 1.25}
ROOT = Path(__file__).parents[2]


def photograph(browser, path: Path) -> Image.Image:
    """What a reader sees of a page on opening it at a desk."""
    context = browser.new_context(**DESK)
    tab = context.new_page()
    tab.goto(path.resolve().as_uri())
    image = Image.open(io.BytesIO(tab.screenshot()))
    context.close()
    return image.convert("RGB")


def save(image: Image.Image, path: Path) -> None:
    """As a PNG with as many colours as the size allows."""
    for colours in (256, 128, 64):
        image.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            print(f"{path} {path.stat().st_size:,} bytes")  # noqa: T201
            return
    raise SystemExit(f"{path} is larger than {LARGEST:,} bytes: choose a smaller view")


def take(reports: Path, images: Path) -> None:
    """Of the pages whose pictures README shows."""
    report = sorted(reports.glob("*/latest"))[0]
    shown = re.findall(r"images/(\w+)\.png", (ROOT / "README.md").read_text(encoding="utf-8"))
    images.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for name in shown:
            save(photograph(browser, report / f"{name}.html"), images / f"{name}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
