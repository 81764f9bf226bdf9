"""What went wrong in a Spark? One sentence with what to do, instead of its trace of a hundred lines."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from crm_utils.errors import CrmError, RunError, without_values

__all__ = ["explained", "sentence"]

Function = TypeVar("Function", bound=Callable[..., Any])

#: What py4j says when Java has ended.
_ENDED = "Answer from Java side is empty"
#: What stands in an error, and what it means; the first that fits.
_MEANINGS = (
    (
        ("OutOfMemory", "Java heap space", "GC overhead limit", "CANNOT_ACQUIRE_MEMORY", "Container killed"),
        "Spark ran out of memory. Give it more: engine.memory for the process here, "
        "engine.settings: {spark.executor.memory: 4g} for its executors.",
    ),
    (
        ("maxResultSize",),
        "More rows came home at once than Spark allows. Give it room: engine.settings: "
        "{spark.driver.maxResultSize: 4g}.",
    ),
    (
        ("No space left on device",),
        "Spark has no room left on its disk. Free some where engine.scratch and spark.local.dir lie.",
    ),
    (
        ("ExecutorLostFailure", "ExecutorDeadException", "FetchFailed", "Lost task", "heartbeat"),
        "Spark lost an executor again and again: it was killed, had too little memory, or its machine "
        "went away.",
    ),
    (
        ("All masters are unresponsive", "Master removed our application", "methods on a stopped"),
        "Spark's master does not answer, or ended the work. See that it is up, and that engine.master "
        "names it.",
    ),
    (
        ("UNAVAILABLE", "failed to connect", "SESSION_CLOSED", "SESSION_CHANGED", "INVALID_HANDLE"),
        "The connection to Spark (engine.remote) was lost. See that the server is up, and run again.",
    ),
    (
        (_ENDED, "Error while receiving", "Connection refused", "Connection reset",
         "Error while sending", "Py4JNetworkError", "while trying to connect to the Java server",
         "SparkContext was shut down", "does not exist in the JVM"),
        "Spark's process on this machine ended: it ran out of memory (engine.memory, --jobs 1), or was "
        "killed.",
    ),
    (
        ("JAVA_GATEWAY_EXITED", "UnsupportedClassVersionError"),
        "Spark could not start on this machine. It needs Java 17 or later: set JAVA_HOME to it.",
    ),
    (
        ("PATH_NOT_FOUND", "FAILED_READ_FILE", "FileNotFoundException", "does not exist"),
        "Spark cannot read a file that is here. Its machines need the project's folder and engine.scratch "
        "under the same path.",
    ),
)  # fmt: skip


def explained(function: Function) -> Function:
    """Turn what Spark raises in a function into a :class:`RunError` of one sentence."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except CrmError:
            raise
        except Exception as error:
            if not _is_sparks(error):
                raise
            raise RunError(sentence(error)) from None

    return call  # type: ignore[return-value]


def sentence(error: BaseException) -> str:
    """What an error of Spark's means and what to do, or its first line where nobody knows."""
    first = _said(error)
    said = " ".join([first, *map(_said, _behind(error))])
    for signs, meaning in _MEANINGS:
        if any(sign in said for sign in signs):
            return meaning
    return f"Spark could not do this: {without_values(Exception(first))}."


def _behind(error: BaseException) -> Iterator[BaseException]:
    """What was raised before it: py4j's own error says only that a call failed."""
    before = error.__cause__ or error.__context__
    while before is not None:
        yield before
        before = before.__cause__ or before.__context__


def _said(error: BaseException) -> str:
    """An error's kind and text; Java's are asked of a process that may have ended."""
    name = type(error).__name__
    try:
        # A call that failed, and no error of Java's with it: nobody was there to say one.
        return f"{name}: {_ENDED}" if name == "Py4JError" else f"{name}: {error}"
    except Exception:
        return f"{name}: {_ENDED}"


def _is_sparks(error: BaseException) -> bool:
    rooms = ("pyspark", "py4j", "grpc")
    kinds = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(kinds & set(rooms)) or isinstance(error, ConnectionError)
