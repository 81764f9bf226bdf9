"""What study would fit these files? Columns matched by name and by values, written with comments.

The study is a proposal: how sure each line is, and what could not be matched, stands in it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crm_utils.engine import connect
from crm_utils.errors import StudyError, known_names
from crm_utils.proposal.analytics import ga4_text, is_ga4
from crm_utils.proposal.asking import questions
from crm_utils.proposal.choosing import best_sheet, table_of, without_money
from crm_utils.proposal.database import is_database, look_into
from crm_utils.proposal.given import Given, folder_of_all, given, look_at_all
from crm_utils.proposal.joins import joined_in, with_the_lines_key
from crm_utils.proposal.matching import Match, match
from crm_utils.proposal.table import TableProposal
from crm_utils.proposal.writing import Origin, study_text
from crm_utils.sources.files.guessing import Looked, look_at, sheets_in
from crm_utils.sources.files.layout import Guess
from crm_utils.sources.files.part import Place
from crm_utils.tables import TABLES

__all__ = ["Match", "TableProposal", "propose", "summary"]


def propose(paths: Sequence[Path | str], root: Path, name: str) -> tuple[str, list[TableProposal]]:
    """Look at files and write a study for them.

    Parameters
    ----------
    paths
        Files below ``root``, or patterns: ``data/raw/orders-*.csv`` is one table of all that match. Before
        one may stand what it is: ``orders=data/raw/export.csv``.
    root
        The project's folder.
    name
        The study's name.

    Returns
    -------
    text : str
        The study as commented YAML.
    tables : list of TableProposal
        What was found in each file.

    Raises
    ------
    StudyError
        There is no such file, or one lies outside the project.
    DataError
        One cannot be read.
    """
    as_tables, plain = zip(*map(_asked, paths), strict=True)
    if any(map(is_database, plain)):
        return _of_a_database(plain, root, name)
    asked = [given(path) for path in plain]
    folder = folder_of_all(asked, root)
    scratch = Path(tempfile.mkdtemp(prefix="crm-new-"))
    con = connect()
    try:
        looked = [
            _looked(one, Place(con, f"f{n}", scratch), table)
            for n, (one, table) in enumerate(zip(asked, as_tables, strict=True))
        ]
    finally:
        con.disconnect()
        shutil.rmtree(scratch, ignore_errors=True)
    names = [one.within(folder) for one in asked]
    if is_ga4(looked[0].cells):
        where = folder.relative_to(root.resolve()).as_posix()
        return ga4_text(name, where, names, looked[0].cells["event_date"]), []
    tables = [table_of(one, table) for one, table in zip(looked, as_tables, strict=True)]
    parts = [(file, without_money(table)) for file, table in joined_in(names, tables, table_of)]
    lines = next((table for _, table in parts if table.table == "order_lines"), None)
    proposals = []
    for file, table in parts:
        is_products = lines is not None and table.table == "products"
        proposals.append((file, with_the_lines_key(table, lines) if is_products else table))  # type: ignore[arg-type]
        of_lines = _products_of(table)
        if of_lines and not any(other.table == "products" for other in tables):
            proposals.append((file, of_lines))
    origin = Origin(folder.relative_to(root.resolve()).as_posix())
    return study_text(name, origin, proposals), [proposal for _, proposal in proposals]


def _of_a_database(paths: Sequence[Path], root: Path, name: str) -> tuple[str, list[TableProposal]]:
    if len(paths) > 1:
        raise StudyError("A SQLite file is a source of its own: name it alone.")
    folder_of_all([given(paths[0])], root)
    database = look_into(paths[0])
    place = paths[0].resolve().relative_to(root.resolve()).as_posix()
    text = study_text(name, Origin(database=place, others=tuple(database.others)), database.tables)
    return text, [proposal for _, proposal in database.tables]


def _looked(one: Given, place: Place, table: str) -> Looked:
    """The first lines of a file; of a workbook those of the sheet that fits best."""
    sheets = sheets_in(one.files[0]) if len(one.files) == 1 else []
    if len(sheets) < _SEVERAL:
        return look_at_all(one, place)
    each = [
        look_at(one.files[0], replace(place, table=f"{place.table}_{n}"), sheet=sheet)
        for n, sheet in enumerate(sheets[:_MOST_SHEETS])
    ]
    best = best_sheet([sheet for sheet in each if sheet.rows] or each, table)
    others = [sheet for sheet in sheets if sheet != best.options["sheet"]]
    note = Guess(
        str(best.options["sheet"]),
        0.6,
        f"of its sheets the one that fits best; not read: {', '.join(others)}",
    )
    return replace(best, notes=best.notes | {"sheet": note})


#: Sheets of a workbook among which is chosen, and that are looked into.
_SEVERAL, _MOST_SHEETS = 2, 20

#: What people call a table, beside its name.
_CALLED = {"orders": "order_lines", "lines": "order_lines", "sales": "order_lines"}


def _asked(path: Path | str) -> tuple[str, Path]:
    """What a file is said to be, and the file: ``orders=data/raw/export.csv``."""
    table, sign, rest = str(path).partition("=")
    if not sign or Path(path).exists():
        return "", Path(path)
    name = _CALLED.get(table, table)
    if name not in TABLES:
        raise StudyError(f"--from {path}: no table '{table}'. {known_names(table, [*_CALLED, *TABLES])}")
    return name, Path(rest)


def summary(tables: list[TableProposal]) -> list[str]:
    """Lines for people: what each file seems to be, what matched and how surely, what did not."""
    lines = []
    for proposal in tables:
        known = f": {proposal.known.name}" if proposal.known else ""
        lines.append(f"{proposal.looked.name} ({proposal.looked.format}) looks like {proposal.table}{known}")
        for key, guess in proposal.looked.notes.items():
            lines.append(f"  {key:<14} {guess.value} ({guess.sure:.0%} sure: {guess.why})")
        for m in proposal.matches:
            marks = "".join(f", {key} {value!r}" for key, value in m.options.items())
            each = f"each {m.written['each']}".replace("_", " ") if "each" in m.written else ""
            lines.append(f"  {m.target:<14} {each or m.source}{marks} ({m.sure:.0%} sure: {m.why})")
        lines += [f"  {column:<14} MISSING and needed" for column in proposal.missing]
        lines += [f"  person         {kind}: {column} (LOOK)" for kind, column in proposal.person.items()]
        lines += [f"  LOOK           {look}" for look in proposal.looks]
        lines += [f"  LOOK           {question.said}" for question in questions(proposal)]
        unused = [name for name in proposal.unused if name not in proposal.person.values()]
        if unused:
            lines.append(f"  not used: {', '.join(unused)}")
    if tables and not any(proposal.table == "order_lines" and proposal.matches for proposal in tables):
        lines.append(
            "None of this looks like orders. They need a day, and an order's number, a quantity, an amount "
            "or a customer who comes again; if it is orders all the same: --from orders=FILE"
        )
    return lines


def _products_of(lines: TableProposal) -> TableProposal | None:
    """What order lines say of their products, where no file of products is given: a row a product."""
    product = next((m for m in lines.matches if m.target == "product_id"), None)
    if lines.table != "order_lines" or product is None or product.source not in lines.looked.columns:
        return None
    rest = {name: lines.looked.columns[name] for name in lines.unused}
    matches = match(rest, "products", only=("name", "category", "subcategory", "brand"))
    if not matches:
        return None
    return TableProposal(lines.looked, "products", [product, *matches], [], [], once=product.source)
