"""What do all pages share? Their head, their style, how they write dates."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader

__all__ = ["TEMPLATES", "environment", "furniture", "read", "read_notebook", "size"]

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


@functools.cache
def environment() -> Environment:
    """Jinja with every value escaped and every missing one an error."""
    jinja = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    jinja.globals.update(furniture())
    return jinja


def furniture() -> dict[str, Any]:
    """What each template may call: the style sheet, the policy that allows only it, and wording.

    The policy forbids everything that is not named: no script runs, ours or another's, and nothing is
    fetched. The style sheet is named by its hash, so not even a stray ``style=`` takes effect.
    """
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = [
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return {"style": style, "policy": "; ".join(policy), "day": _day, "moment": _moment, "seconds": _seconds}


def _day(text: str) -> str:
    """``2017-12-31`` as ``31 December 2017``, an instant with its time; anything else as it is.

    Examples
    --------
    >>> _day("2017-12-31"), _day("2017-12-31T09:30"), _day("soon")
    ('31 December 2017', '31 December 2017, 09:30', 'soon')
    """
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return str(text)
    return f"{found.day} {found:%B %Y}" + (f", {found:%H:%M}" if "T" in text else "")


def _moment(text: str) -> str:
    """An instant in ISO form as ``21 November 2026, 22:30 UTC``."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return str(text)
    return f"{found.day} {found:%B %Y, %H:%M} {found.tzname() or ''}".strip()


def _seconds(value: float) -> str:
    """A duration: ``4.2 s``, ``3 min 20 s``."""
    return f"{value:.1f} s" if value < 100 else f"{value // 60:.0f} min {value % 60:.0f} s"


def size(path: Path) -> str:
    """A file's size for people: ``1.2 MB``."""
    number = float(path.stat().st_size)
    for unit in ("bytes", "kB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:,.1f} MB"


def read_notebook(path: Path) -> Any:
    """An executed notebook."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def read(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is no file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content if isinstance(content, dict) else {}
