"""Who asks to stop? SIGTERM, SIGINT and the clock become an error that ends the work in order, once.

A library in which it comes up may swallow it, or raise its own (a query was interrupted): what
leaves is this error all the same. A library that lets Python handle no signal while it works (SQLite) asks
:func:`stopping` now and then.

Only the main thread can listen. A second signal changes nothing: the work is ending already (SIGKILL is
there for the impatient). While a report is being published a signal waits.
"""

from __future__ import annotations

import _thread
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from crm_utils.errors import RunError

__all__ = ["StoppedError", "held", "on_stop", "seconds_left", "stoppable", "stopping", "within"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: After so many more seconds a process that could not be ended in order is ended outright.
LAST_SECONDS = 15
_HAS_TIMER = hasattr(signal, "setitimer")  # not on Windows
#: The error that was raised, and when time is up on the monotonic clock.
_raised: list[RunError] = []
_ends: list[tuple[float, threading.Event]] = []
#: What another thread calls to end what is at work: an engine that handles no signal while it does.
_interrupts: list[Callable[[], object]] = []


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
        _raise(StoppedError(number))

    with _handled_by(stop), _told_as_it_is():
        yield


@contextmanager
def within(seconds: float, sentence: str) -> Iterator[None]:
    """Raise :class:`RunError` with this sentence when the block has taken so many seconds.

    Whatever is at work in it: Python, DuckDB, a driver that waits for its server, SQLite.

    Examples
    --------
    >>> with within(0.01, "It took too long."):
    ...     time.sleep(5)
    Traceback (most recent call last):
    crm_utils.errors.RunError: It took too long.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ended = threading.Event()

    def stop(*_: object) -> None:
        if not ended.is_set():
            ended.set()
            _raise(RunError(sentence))

    mine = (time.monotonic() + seconds, ended)
    _ends.append(mine)
    try:
        with _watched(sentence), _alarm(seconds, stop), _told_as_it_is():
            try:
                yield
            finally:
                ended.set()
    finally:
        # A signal may come while this is being left: what has ended counts no more, whether removed or not.
        ended.set()
        with suppress(ValueError):
            _ends.remove(mine)


def on_stop(interrupt: Callable[[], object]) -> None:
    """Let this be called, from another thread, when a signal comes, or the end of time, in :func:`within`."""
    if _raised:
        raise _raised[0]
    if _ends:
        _interrupts.append(interrupt)


@contextmanager
def _watched(sentence: str) -> Iterator[None]:
    """Let a thread see signals at once: Python's own handlers wait until the engine gives the word back."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    before, known = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False), len(_interrupts)
    watcher = threading.Thread(target=_watch, args=(ours, sentence), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()  # which the watcher reads as the end
        watcher.join(timeout=1)
        ours.close()
        del _interrupts[known:]


def _watch(wakened: socket.socket, sentence: str) -> None:
    last = 0.0
    ends, is_over = {int(number) for number in (*_SIGNALS, getattr(signal, "SIGALRM", signal.SIGINT))}, False
    while True:
        with suppress(TimeoutError):
            came = wakened.recv(64)
            if not came:
                return
            is_over |= bool(ends & set(came))
        last = last or (time.monotonic() + LAST_SECONDS if is_over else 0.0)
        if is_over and time.monotonic() > last:
            # An engine does not give the word back (DuckDB, closed while it is at work): this is the end. The
            # system frees the lock; what is left behind is removed by the next load.
            error = _raised[0] if _raised else RunError(sentence)
            os.write(2, f"Error: {error}\n".encode())
            os._exit(error.exit_code)
        if is_over:  # again and again: what swallowed the error may ask the next thing
            wakened.settimeout(1)
        for interrupt in list(_interrupts) if is_over else ():
            with suppress(Exception):  # closed already
                interrupt()


def stopping() -> bool:
    """Whether the work is to end: for a library that handles no signals while it works."""
    return bool(_raised)


def seconds_left() -> float | None:
    """Seconds until time is up, at least one; None without a limit."""
    left = [end for end, ended in _ends if not ended.is_set()]
    return max(1.0, min(left) - time.monotonic()) if left else None


@contextmanager
def _alarm(seconds: float, stop: Callable[..., None]) -> Iterator[None]:
    if _HAS_TIMER:
        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return
    # Another thread can interrupt the main one, as Ctrl-C does.
    before = signal.signal(signal.SIGINT, stop)
    timer = threading.Timer(seconds, _thread.interrupt_main)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


def _raise(error: RunError) -> None:
    _raised.append(error)
    raise error


@contextmanager
def _told_as_it_is() -> Iterator[None]:
    """Let the error leave that was raised first, whatever others made of it."""
    known = len(_raised)
    try:
        yield
    except BaseException as error:
        if len(_raised) > known and error is not _raised[known]:
            raise _raised[known] from None
        raise
    finally:
        del _raised[known:]


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
