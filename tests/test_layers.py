"""Is each room kept from knowing the rooms above it? A misplaced import is put into every one of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tiny import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
LAYERS = [line.split(" | ") for line in CONTRACTS["contracts"][0]["layers"]]


def linted(house: Path) -> str:
    """What import-linter says of a house; it ends in words, whether it is pleased or not."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The package and its rules, to be spoilt."""
    shutil.copytree(ROOT / "crm_utils", tmp_path / "crm_utils", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_misplaced_import_in_each_room_is_named(house: Path) -> None:
    rooms = [room for layer in LAYERS for room in layer]
    for layer, above in zip(LAYERS[1:], LAYERS[:-1], strict=True):
        for room in layer:
            folder = house / "crm_utils" / room
            place = folder / "misplaced.py" if folder.is_dir() else folder.with_suffix(".py")
            with place.open("a", encoding="utf-8") as file:
                file.write(f"\nimport crm_utils.{above[0]}\n")
    report = linted(house)
    for layer, above in zip(LAYERS[1:], LAYERS[:-1], strict=True):
        for room in layer:
            assert f"crm_utils.{room} is not allowed to import crm_utils.{above[0]}:" in report, room
    assert {path.stem for path in (house / "crm_utils").iterdir()} <= {*rooms, "__init__", "py"}


@pytest.mark.slow
def test_a_module_in_no_room_a_method_that_knows_another_and_a_drawing_method_are_named(house: Path) -> None:
    package = house / "crm_utils"
    (package / "methods" / "winback.py").write_text(
        "import crm_utils.methods.churn\nimport matplotlib\n", "utf-8"
    )
    (package / "stray.py").write_text("", "utf-8")
    report = linted(house)
    assert "crm_utils.methods.winback -> crm_utils.methods.churn" in report
    assert "crm_utils.methods.winback -> matplotlib" in report
    assert "stray" in report
