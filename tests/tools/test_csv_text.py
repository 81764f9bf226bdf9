"""No cell of a list is a formula to a spreadsheet, however it begins."""

from __future__ import annotations

import pytest

from crm_utils.tools.csv_text import harmless


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1+1", "＋1+1", "－1",
     "＠x", "\ufeff=1", "\x00=1", "\u3000=1", "=cmd|' /C calc'!A0", "+82-10;=1"],
)  # fmt: skip
def test_a_formula_is_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["Kim", "+821012345678", "", "a=b", "1-2", -5, 1.5, None, True])
def test_the_rest_is_let_be(value: object) -> None:
    assert harmless(value) is value
