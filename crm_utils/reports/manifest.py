"""What does a run's folder say about the run? ``run.json`` and ``results/``, written whole, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crm_utils.tools import durable

__all__ = ["SCHEMA_VERSION", "read_manifest", "read_results", "write_manifest"]

SCHEMA_VERSION = 1
#: What every manifest says; one that lacks any is damaged.
_SAYS = {"run_id": str, "study": str, "as_of": str, "status": str, "notebooks": list, "snapshot": dict}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run, or None where there is none that can be read."""
    try:
        manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, dict) or manifest.get("schema_version") != SCHEMA_VERSION:
        return None
    return manifest if all(isinstance(manifest.get(key), kind) for key, kind in _SAYS.items()) else None


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """What each notebook of a run recorded, by its name."""
    paths = sorted((folder / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Replace a run's ``run.json`` in one step."""
    durable.replace(folder / "run.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
