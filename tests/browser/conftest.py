"""The browser: Debian's Chromium, driven by Playwright. Where Playwright is not installed, nothing is collected."""

from __future__ import annotations

import importlib.util

collect_ignore = [] if importlib.util.find_spec("playwright") else ["test_browser.py"]


def pytest_addoption(parser):
    parser.addoption("--reports", help="a folder of published reports, whose pages are opened as well")
