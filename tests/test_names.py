"""Does code name the thing? No variable of the package is called after how it came about."""

from __future__ import annotations

import ast

import pytest
from tiny import ROOT

#: What says nothing of the thing; see CONTRIBUTING.
NAMELESS = {"told", "found"}


@pytest.mark.parametrize("folder", ["crm_utils", "tests", "benchmarks"])
def test_no_variable_is_called_told_or_found(folder: str) -> None:
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Name) and node.id in NAMELESS)
        or (isinstance(node, ast.arg) and node.arg in NAMELESS)
    ]
    assert named == []
