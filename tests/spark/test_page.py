"""Does docs/engines.md say what runs where? Every expression is compiled for every engine."""

from __future__ import annotations

from engines.dialects import missing, page
from tiny import ROOT


def test_the_page_on_engines_is_up_to_date() -> None:
    written = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    assert written == page(missing()), "Write it anew: python tests/write_engines.py"
