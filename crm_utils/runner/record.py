"""What does a run write about itself? ``run.json``: what it saw, what it did, and what became of it.

The file is replaced whole at every step, so that it can be read at any time.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
import platform
import secrets
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import crm_utils
from crm_utils.people.contact_forms import hidden
from crm_utils.reports.manifest import SCHEMA_VERSION, write_manifest
from crm_utils.runner.plan import Plan
from crm_utils.snapshots import sha256

__all__ = ["Record", "code_hash"]

_VERSIONS = ("crm-notebooks", "duckdb", "ibis-framework", "pandas", "scikit-learn", "papermill", "nbconvert")


class Record:
    """The manifest of one run, in its folder.

    Parameters
    ----------
    plan
        What the run is going to do.
    runs
        The folder of all runs of the study; this run's own is made in it.
    begun
        When the run began, on the monotonic clock.
    """

    def __init__(self, plan: Plan, runs: Path, *, begun: float) -> None:
        now = dt.datetime.now(dt.UTC)
        self.folder = runs / f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self._begun = self._last = begun
        self.folder.mkdir(parents=True)
        self.manifest = _first(plan, self.folder.name, now)
        self.write()

    def entry(self, name: str) -> dict[str, Any]:
        """What the manifest says of one notebook; change it, then :meth:`write`."""
        return next(entry for entry in self.manifest["notebooks"] if entry["name"] == name)

    def write(self) -> None:
        """Replace ``run.json`` in one step."""
        write_manifest(self.folder, self.manifest)

    def lap(self, part: str) -> None:
        """Note how many seconds the part of the run took that ends now."""
        now = time.monotonic()
        self.manifest["durations"][part] = round(now - self._last, 3)
        self._last = now

    def close(self, status: str, *, reason: str = "", published: bool = False) -> None:
        """Say how the run ended."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self.manifest |= {
            "status": status,
            "reason": hidden(reason),
            "published": published,
            "finished_at": now,
        }
        self.manifest["seconds"] = round(time.monotonic() - self._begun, 3)
        self.write()


def code_hash() -> str:
    """A hash of the text of this package: other code may give other results."""
    package = Path(crm_utils.__file__).parent
    files = [(p.relative_to(package).as_posix(), sha256(p)) for p in sorted(package.rglob("*.py"))]
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]


@functools.cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _VERSIONS}


def _first(plan: Plan, run_id: str, now: dt.datetime) -> dict[str, Any]:
    data = plan.snapshot.manifest
    kept = {
        k: data[k] for k in ("id", "source", "zone", "inputs", "first_day", "last_day", "last_complete_day")
    }
    counts = {
        t: {k: rows[k] for k in ("read", "loaded", "quarantined", "left_out")}
        for t, rows in data["tables"].items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "study": plan.study.name,
        "title": plan.study.title,
        "as_of": str(plan.as_of),
        "currency": plan.study.currency,
        "timezone": plan.study.timezone,
        "history_starts": plan.study.history_starts.isoformat(),
        "simulated": bool(data.get("simulated", False)),
        "status": "running",
        "reason": "",
        "started_at": now.isoformat(timespec="seconds"),
        "finished_at": "",
        "seconds": 0.0,
        "durations": {},
        "published": False,
        "only": list(plan.request.only),
        "snapshot": kept | {"tables": counts, "pseudonyms": data.get("identity") is not None},
        "notebooks": [
            {
                "name": n.name,
                "file": n.path.name,
                "question": n.question,
                "status": "skipped" if n.name in plan.skipped else "not run",
                "reason": plan.skipped.get(n.name, ""),
                "seconds": 0.0,
                "parameters": plan.parameters[n.name],
                "needs": sorted(n.needs),
                "uses": sorted(n.uses | n.hopes),
                "makes": sorted(n.makes),
            }
            for n in plan.notebooks
        ],
        "code": code_hash(),
        "engine": plan.study.engine.shown,
        "versions": _versions()
        | ({"pyspark": version("pyspark")} if plan.study.engine.kind == "spark" else {}),
    }
