"""Which engine does a study run on? DuckDB in each notebook's process, or a Spark; read and checked here.

Nothing here imports PySpark: a study is read on machines that have none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from crm_utils.errors import StudyError

__all__ = ["Engine"]

_LOCAL = re.compile(r"local(\[(\*|[1-9][0-9]*)\])?")
_REMOTE = re.compile(r"sc://[A-Za-z0-9_.-]+(:[0-9]+)?")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
#: Settings whose value opens a door; it stands in the environment, never in a study.
_SECRET = re.compile(r"password|secret|token|credential|access\.?key|account\.key", re.IGNORECASE)

Value = bool | int | float | str


class Engine(BaseModel):
    """A study's ``engine``.

    Attributes
    ----------
    kind
        ``duckdb``, in the process of each notebook, or ``spark``.
    master
        Where Spark runs: ``local[2]`` (this machine, two cores), ``spark://host:7077``, ``yarn``, ``k8s://…``.
        This machine with the cores that a notebook may have, when left out.
    remote
        Instead of a master a Spark Connect server, ``sc://host:15002``: one Spark for all notebooks.
    memory
        Of the Spark process on this machine, as ``3g``; what a notebook may have, when left out.
    shuffle_partitions
        Pieces into which Spark parts what it sorts and groups; Spark's own choice when left out, and 4 on
        this machine.
    scratch
        A folder for intermediate tables that this machine and Spark's share; needed with any master but
        ``local``.
    settings
        Any of Spark's own, ``spark.…: value``. A value ``$NAME`` is taken from the environment.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["duckdb", "spark"] = "duckdb"
    master: Annotated[str, StringConstraints(min_length=1)] | None = None
    remote: str | None = None
    memory: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[mg]$")] | None = None
    shuffle_partitions: Annotated[int, Field(ge=1)] | None = None
    scratch: Annotated[str, StringConstraints(min_length=1)] | None = None
    settings: dict[str, Value] = {}

    @field_validator("settings")
    @classmethod
    def _sparks_own(cls, settings: dict[str, Value]) -> dict[str, Value]:
        for name, value in settings.items():
            if not name.startswith("spark."):
                raise ValueError(f"'{name}' is no setting of Spark's: they begin with 'spark.'")
            if _SECRET.search(name) and not _VARIABLE.fullmatch(str(value)):
                raise ValueError(
                    f"the value of '{name}' is a secret: put it into the environment and write $NAME_OF_IT"
                )
        return settings

    @model_validator(mode="after")
    def _makes_sense(self) -> Engine:
        if self.kind == "duckdb" and self.model_fields_set - {"kind"}:
            names = ", ".join(sorted(self.model_fields_set - {"kind"}))
            raise ValueError(
                f"DuckDB takes no {names}; its memory and threads are CRM_MEMORY and CRM_THREADS"
            )
        if self.master and self.remote:
            raise ValueError("there is a master and a remote; name one of them")
        if self.remote and not _REMOTE.fullmatch(self.remote):
            raise ValueError("'remote' is written sc://host:port; what opens the server is CRM_SPARK_TOKEN")
        if self.remote and self.memory:
            raise ValueError("'memory' is that of the server, set where it is started")
        if self.kind == "spark" and not self.is_local and not self.scratch:
            raise ValueError("'scratch' is missing: a folder that this machine and Spark's share")
        return self

    @property
    def is_local(self) -> bool:
        """Whether Spark runs inside the notebook's own process group, on this machine."""
        return not self.remote and (self.master is None or bool(_LOCAL.fullmatch(self.master)))

    @property
    def shown(self) -> str:
        """What people call it: ``DuckDB``, ``Spark (local[2])``."""
        return (
            "DuckDB" if self.kind == "duckdb" else f"Spark ({self.remote or self.master or 'this machine'})"
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the environment that it is opened with; a kernel needs them."""
        named = [m[1] for value in self.settings.values() if (m := _VARIABLE.fullmatch(str(value)))]
        return tuple(dict.fromkeys([*named, *(["CRM_SPARK_TOKEN"] if self.remote else [])]))

    @property
    def secrets(self) -> set[str]:
        """The settings whose values come from the environment."""
        return {name for name, value in self.settings.items() if _VARIABLE.fullmatch(str(value))}

    def spark_settings(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Spark's settings with what the environment holds, texts as Spark reads them.

        Raises
        ------
        StudyError
            A variable is not set.
        """
        read: dict[str, str] = {}
        for name, value in self.settings.items():
            variable = _VARIABLE.fullmatch(str(value))
            if variable and not environment.get(variable[1]):
                raise StudyError(
                    f"engine.settings: {name} is ${variable[1]}, which is not set. Set it first."
                )
            text = environment[variable[1]] if variable else str(value)
            read[name] = text.lower() if isinstance(value, bool) else text
        return read
