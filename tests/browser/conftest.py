"""Where Playwright is not installed, the tests that need a browser are not collected."""

from __future__ import annotations

import importlib.util

import pytest

collect_ignore = [] if importlib.util.find_spec("playwright") else ["test_browser.py", "test_jupyterlab.py"]


def pytest_addoption(parser):
    parser.addoption("--reports", help="a folder of published reports, whose pages are opened as well")


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests: Playwright's loop runs once a process."""
    from chromium import chromium

    with chromium() as started:
        yield started
