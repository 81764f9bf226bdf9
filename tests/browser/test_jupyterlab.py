"""JupyterLab, as ``nox -s lab`` starts it: opening a notebook changes nothing, saving it adds nothing."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import ROOT

NAME = "02_segmentation.ipynb"
_READY = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "notebooks" / NAME, tmp_path / NAME)
    return tmp_path


@pytest.fixture
def lab(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab on that folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    opens = "--ServerApp.contents_manager_class=crm_utils.tools.lab.Notebooks"
    options = ["--allow-root", "--no-browser", f"--port={port}", "--IdentityProvider.token="]
    command = [sys.executable, "-m", "jupyter", "lab", opens, *options, f"--notebook-dir={folder}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/api", server)
            yield address
        finally:
            server.terminate()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended"
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.25)
    raise TimeoutError(address)


def test_a_notebook_is_not_unsaved_by_being_opened_and_saved_without_its_kernel(
    browser: Any, lab: str, folder: Path
) -> None:
    before = json.loads((folder / NAME).read_text(encoding="utf-8"))
    page = browser.new_page()
    page.goto(f"{lab}/lab/tree/{NAME}?reset")
    page.wait_for_selector(_READY, timeout=120_000)
    page.wait_for_timeout(2_000)  # what the kernel says of itself arrives after it is ready
    assert page.locator(".jp-mod-dirty").count() == 0
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("b")  # a cell below: now it is changed, and the mark is seen
    page.wait_for_selector(".jp-mod-dirty")
    page.keyboard.press("Control+s")
    page.wait_for_selector(".jp-mod-dirty", state="detached")
    after = json.loads((folder / NAME).read_text(encoding="utf-8"))
    assert after["metadata"] == before["metadata"]
    assert len(after["cells"]) == len(before["cells"]) + 1
