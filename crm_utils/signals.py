"""Who asks to stop? SIGTERM and SIGINT become an error that ends the work in order, once.

Only the main thread can listen. A second signal changes nothing: the work is ending already (SIGKILL is
there for the impatient). While a report is being published a signal waits.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crm_utils.errors import RunError

__all__ = ["StoppedError", "held", "stoppable"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(RunError):
    """A signal asked to end; the exit code is 128 and the signal's number, as shells have it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Stopped by {signal.Signals(number).name}. Nothing was published.")
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise :class:`StoppedError` at the first SIGTERM or SIGINT."""

    def stop(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise StoppedError(number)

    with _handled_by(stop):
        yield


@contextmanager
def held() -> Iterator[None]:
    """Let SIGTERM and SIGINT wait until the end of this block: a few renames that belong together."""
    came: list[int] = []
    with _handled_by(lambda number, _: came.append(number)):
        yield
    if came:
        signal.raise_signal(came[0])


@contextmanager
def _handled_by(handler: signal._HANDLER) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
