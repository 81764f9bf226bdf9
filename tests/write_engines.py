"""Write docs/engines.md: which reductions run on which engine."""

from __future__ import annotations

from engines.dialects import missing, page
from tiny import ROOT

if __name__ == "__main__":
    (ROOT / "docs" / "engines.md").write_text(page(missing()), encoding="utf-8")
