"""How does a run become a report that people want to read? Pages, an index, and an overview of all reports.

Static files for readers without Python: each holds its style and pictures, runs no script and asks the
network for nothing. This package and its templates alone know Jinja.
"""

from __future__ import annotations

from .index import render_index, render_neighbours
from .overview import render_overview
from .page import render_page

__all__ = ["render_index", "render_neighbours", "render_overview", "render_page"]
