"""What does ``crm`` say while it works? Lines for people, or a JSON object a line for machines."""

from __future__ import annotations

import codecs
import datetime as dt
import json
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.status import Status

__all__ = ["Log", "LogFormat"]

_MARKS = {"passed": "[green]✓[/]", "cannot": "[yellow]○[/]", "failed": "[red]✗[/]", "not run": "[yellow]–[/]"}


class LogFormat(StrEnum):
    """How events are written."""

    text = "text"
    json = "json"


class Log:
    """Writes events: the run's to standard output, errors and warnings to standard error.

    A line of JSON holds ``time`` (UTC), ``event`` (started, notebook, published, finished, warning, error)
    and the event's facts. On a terminal a last line says how far the notebooks at work have come. A log
    that cannot be written any more (a closed pipe, a full disk) is given up; the run goes on.
    """

    def __init__(self, style: LogFormat = LogFormat.text) -> None:
        self._json = style is LogFormat.json
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status: Status | None = None

    def __call__(self, event: str, facts: dict[str, Any]) -> None:
        """Write one event."""
        if event == "progress":
            self._progress(facts)
            return
        if self._status and event != "notebook":
            self._status.stop()
            self._status = None
        # What an error quotes may reach a person: a file's name, a value.
        from crm_utils.people.contact_forms import hidden  # its room waits for pandas

        facts = facts | {k: hidden(facts[k]) for k in ("message", "reason") if facts.get(k)}
        is_bad = event in {"error", "warning"}
        stream = sys.stderr if is_bad else sys.stdout
        try:
            if self._json:
                now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
                record = {"time": now, "event": event} | facts
                stream.write(json.dumps(record, ensure_ascii=not _is_utf8(stream)) + "\n")
                stream.flush()
            else:
                (self._err if is_bad else self._out).print(_TEXTS[event](facts))
        except OSError:
            # Python writes what is left once more as it ends, and would end with 120.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

    def _progress(self, facts: dict[str, Any]) -> None:
        """Write how far the notebooks are, in place, where somebody looks on."""
        if self._json or not self._out.is_terminal:
            return
        parts = [f"{name} {begun}/{cells}" for name, (begun, cells) in facts["notebooks"].items()]
        if self._status is None:
            self._status = self._out.status("", spinner="line")
            self._status.start()
        self._status.update(escape(", ".join(parts)))

    def error(self, message: str, code: int) -> None:
        """Write how the command fails."""
        self("error", {"message": message, "code": code})


def _is_utf8(stream: TextIO) -> bool:
    """Whether a stream takes every letter; to another JSON writes numbers, which read the same."""
    return codecs.lookup(stream.encoding or "ascii").name == "utf-8"


def _notebook(facts: dict[str, Any]) -> str:
    why = f"as in run {facts['taken_from']}" if facts["taken_from"] else facts["reason"]
    name = facts["file"].removesuffix(".ipynb")
    return f"{_MARKS[facts['status']]} {name:<24} {facts['seconds']:6.1f} s  {escape(why)}".rstrip()


_TEXTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "started": lambda f: escape(f"{f['study']} as of {f['as_of']}, run {f['run']}"),
    "notebook": _notebook,
    "published": lambda f: f"The report is in {escape(f['report'])}",
    "finished": lambda f: f"Not published, since --only was given; the run is in {escape(f['report'])}",
    "warning": lambda f: f"[yellow]Warning:[/] {escape(f['message'])}",
    "error": lambda f: f"[red]Error:[/] {escape(f['message'])}",
}
