from __future__ import annotations

import io

import matplotlib.pyplot as plt
from browser.made_run import png
from IPython.core.pylabtools import retina_figure
from PIL import Image, ImageChops, ImageStat

from crm_utils.tools.small_png import shrink

CANVAS = "module://crm_utils.plots.canvas"


def test_a_chart_shrinks_and_looks_the_same():
    image = Image.open(io.BytesIO(png())).convert("RGB")
    image.paste(Image.radial_gradient("L").convert("RGB"), (1000, 20))
    packed = io.BytesIO()
    image.save(packed, "PNG")
    small = shrink(packed.getvalue())
    assert len(small) < len(packed.getvalue())
    shown = Image.open(io.BytesIO(small)).convert("RGB")
    assert shown.size == image.size
    assert shown.getpixel((0, 0)) == image.getpixel((0, 0)) == (255, 255, 255)
    assert max(ImageStat.Stat(ImageChops.difference(image, shown)).rms) < 1


def test_a_picture_whose_colours_matter_keeps_them():
    image = Image.merge("RGB", [Image.effect_noise((300, 300), 200) for _ in range(3)])
    packed = io.BytesIO()
    image.save(packed, "PNG")
    assert shrink(packed.getvalue()) == packed.getvalue()


def test_a_notebook_draws_what_matplotlib_draws_in_half_the_bytes():
    """As IPython asks for it: twice the dots, cut to what is drawn, the size in the metadata."""
    figure, ax = plt.subplots()
    ax.plot([1, 3, 2], color="#0072B2", label="한")
    ax.fill_between([0, 1, 2], [1, 2, 1], [1, 3, 2], color="#E69F00", alpha=0.3)
    (plain, size), (packed, same) = retina_figure(figure), retina_figure(figure, backend=CANVAS)
    plt.close(figure)
    assert same == size
    assert len(packed) < 0.6 * len(plain)
    drawn, shown = (Image.open(io.BytesIO(content)).convert("RGB") for content in (plain, packed))
    assert max(ImageStat.Stat(ImageChops.difference(drawn, shown)).rms) < 2
    assert shrink(packed) is packed  # a page has nothing left to do


def test_no_dot_gets_a_colour_of_its_own():
    """A thin overlap may have a colour that none of the dots has which the palette is found on."""
    figure, ax = plt.subplots(figsize=(8, 4))
    for height, color in ((0.5, "#0072B2"), (0.6, "#E69F00"), (0.75, "#009E73")):
        ax.fill_between(
            [0, 1, 2, 3], [height - 0.05, 0.4, 0.3, 0.25], [height, 0.6, 0.5, 0.4], color=color, alpha=0.15
        )
        ax.plot([0, 1, 2, 3], [height, 0.5, 0.4, 0.3], color=color, marker="o")
    ax.grid(color="#e0e0e0")
    (plain, _), (packed, _) = retina_figure(figure), retina_figure(figure, backend=CANVAS)
    plt.close(figure)
    drawn, shown = (Image.open(io.BytesIO(content)).convert("RGB") for content in (plain, packed))
    furthest = max(high for _, high in ImageChops.difference(drawn, shown).getextrema())
    assert furthest <= 64
