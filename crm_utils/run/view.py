"""Which tables does a notebook see? Those of a snapshot, cut at one moment."""

from __future__ import annotations

import functools
from typing import Any

from crm_utils import engine, tables
from crm_utils.errors import DataError, known_names
from crm_utils.run.shared import shared_table
from crm_utils.snapshots import Snapshot
from crm_utils.sources import catalogue
from crm_utils.study import Study
from crm_utils.tables import TABLES, AsOf

__all__ = ["View"]


class View:
    """The tables of a snapshot as they were known at one moment."""

    def __init__(
        self, con: Any, study: Study, snapshot: Snapshot, as_of: AsOf, *, shared: bool = False
    ) -> None:
        self.con, self.study, self.snapshot, self.as_of = con, study, snapshot, as_of
        self._shared = shared

    def table(self, name: str, *, required: bool = True) -> Any:
        """A canonical table or ``orders``, cut at this moment: no later row, no later value.

        Parameters
        ----------
        name
            One of ``tables.TABLES``, or ``orders``.
        required
            False: None instead of an error where the study has no such table.

        Returns
        -------
        ibis Table or None

        Raises
        ------
        DataError
            The study has no such table.
        """
        if name == "orders":
            return self._orders if self._shared else tables.orders(self.table("order_lines"))
        if name not in self.snapshot.tables:
            if not required:
                return None
            what = "has no table" if name in TABLES else "cannot have a table"
            known = known_names(name, [*self.snapshot.tables, "orders"])
            raise DataError(f"Study '{self.study.name}' {what} '{name}'. {known}")
        rows = (
            catalogue.table(self.con, there, TABLES[name])
            if (there := self.snapshot.lies_at(name))
            else engine.read(self.con, self.snapshot.path(name))
        )
        return tables.cut(rows, TABLES[name], self.as_of)

    @functools.cached_property
    def _orders(self) -> Any:
        """The orders of the day that all notebooks look at: worked out once, as most ask them many times."""
        return shared_table(
            self.con,
            "orders",
            lambda: tables.orders(self.table("order_lines")),
            order_by=["customer_id", "ordered_at", "order_id"],
        )
