"""Every picture's test draws with the house's look, on a canvas of its own, and leaves nothing open."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from crm_utils.plots.theme import use_theme


@pytest.fixture(autouse=True)
def _own_look() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        use_theme()
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()  # what cannot be drawn is found here
        plt.close("all")
