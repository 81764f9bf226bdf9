"""Can a study's engine be reached? Looked at before anything starts, without starting it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
from pathlib import Path

from crm_utils.engine.settings import Engine
from crm_utils.errors import StudyError

__all__ = ["refuse_unreachable"]

#: Seconds until a machine has to answer.
PATIENCE = 5.0
_INSTALL = "pip install -e '.[spark]'"
#: What Spark Connect needs beside PySpark.
_CONNECT = ("grpc", "grpc_status", "google.rpc")
_ADDRESS = re.compile(r"([A-Za-z0-9_.-]+|\[[0-9a-fA-F:]+\]):([0-9]+)")


def refuse_unreachable(engine: Engine) -> None:
    """See that what a study's engine needs is here, and that somebody listens where it is said to be.

    Raises
    ------
    StudyError
        Something is not; the text says what, and what to do.
    """
    if engine.kind == "duckdb":
        return
    if importlib.util.find_spec("pyspark") is None:
        raise StudyError(f"The study's engine is Spark, which is not installed here. Install it: {_INSTALL}.")
    if engine.remote:
        missing = [name for name in _CONNECT if not _is_there(name)]
        if missing:
            raise StudyError(f"engine.remote needs {', '.join(missing)}. Install it: {_INSTALL}.")
    elif not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise StudyError(
            "The study's engine is Spark, and there is no Java on this machine. Install Java 17 or later, or "
            "set JAVA_HOME to where it is."
        )
    engine.spark_settings()  # a variable that is not set
    if engine.scratch and not (Path(engine.scratch).is_dir() and os.access(engine.scratch, os.W_OK)):
        raise StudyError(
            f"engine.scratch: {engine.scratch} is no folder that can be written to. Make it first."
        )
    _refuse_silence(engine)


def _refuse_silence(engine: Engine) -> None:
    """Ask each address that a master or remote names; one that answers is enough. Others (yarn) name none."""
    where, name = (engine.remote, "remote") if engine.remote else (engine.master or "", "master")
    if not where or not where.startswith(("spark://", "sc://")):
        return
    addresses = _ADDRESS.findall(where) or [(where.removeprefix("sc://").partition("/")[0], "15002")]
    for host, port in addresses:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
        except OSError:
            continue
        return
    raise StudyError(
        f"Nobody answers at engine.{name} {where} within {PATIENCE:g} seconds. See that Spark is up there, "
        "and that this machine may reach it."
    )


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False
