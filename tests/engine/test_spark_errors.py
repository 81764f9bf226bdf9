"""What Spark raises becomes one sentence; what is not Spark's stays what it is."""

from __future__ import annotations

import pytest

from crm_utils.engine.spark_errors import explained, sentence
from crm_utils.errors import RunError, StudyError


class Py4JJavaError(Exception):
    """As py4j's: known by the module that its class is of."""

    __module__ = "py4j.protocol"


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("o1.collect\n: java.lang.OutOfMemoryError: Java heap space", "Spark ran out of memory."),
        ("Job aborted: ExecutorLostFailure (executor 3 exited) kim@example.com", "Spark lost an executor"),
        ("Answer from Java side is empty", "Spark's process on this machine ended"),
        ("o78.getResult\n: Job 0 cancelled because SparkContext was shut down", "Spark's process on this"),
        ("py4j.reflection does not exist in the JVM", "Spark's process on this machine ended"),
        ("StatusCode.UNAVAILABLE failed to connect to all addresses", "The connection to Spark"),
        ("All masters are unresponsive! Giving up.", "Spark's master does not answer"),
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited", "Spark could not start on this machine."),
        ("bigger than spark.driver.maxResultSize (1024.0 MiB)", "More rows came home at once"),
        ("java.io.IOException: No space left on device", "Spark has no room left on its disk."),
        ("[PATH_NOT_FOUND] Path does not exist: file:/x", "Spark cannot read a file that is here."),
    ],
)
def test_each_has_a_sentence_that_says_what_to_do(said: str, meaning: str) -> None:
    worded = sentence(Py4JJavaError(said))
    assert worded.startswith(meaning)
    assert "\n" not in worded
    assert "kim@" not in worded


class Py4JError(Exception):
    """A call that failed because Java has ended, in whose words or whose silence py4j reports it."""

    __module__ = "py4j.protocol"

    def __str__(self) -> str:
        raise ConnectionRefusedError("[Errno 111] Connection refused")


def test_an_error_that_can_no_longer_be_read() -> None:
    assert sentence(Py4JError("An error occurred while calling o50.read")).startswith("Spark's process on")


def test_what_nobody_foresaw_is_quoted_without_its_values() -> None:
    worded = sentence(
        Py4JJavaError("[CAST_INVALID_INPUT] The value 'kim@example.com' cannot be cast\nat x.y")
    )
    assert worded == (
        "Spark could not do this: Py4JJavaError: [CAST_INVALID_INPUT] The value '…' cannot be cast."
    )


def test_only_spark_s_own_errors_are_explained() -> None:
    def raising(error: Exception) -> None:
        @explained
        def fails() -> None:
            raise error

        fails()

    with pytest.raises(RunError, match="Spark ran out of memory"):
        raising(Py4JJavaError("Java heap space"))
    with pytest.raises(RunError, match="Spark's process on this machine ended"):
        raising(ConnectionRefusedError("[Errno 111] Connection refused"))
    with pytest.raises(KeyError):
        raising(KeyError("customer_id"))
    with pytest.raises(StudyError, match="not set"):
        raising(StudyError("engine.settings: it is not set."))
