"""Where Playwright is not installed, the tests that need a browser are not collected."""

from __future__ import annotations

import importlib.util

collect_ignore = [] if importlib.util.find_spec("playwright") else ["test_browser.py"]


def pytest_addoption(parser):
    parser.addoption("--reports", help="a folder of published reports, whose pages are opened as well")
