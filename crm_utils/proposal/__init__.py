"""What study would fit these files? Columns matched by name and by values, written with comments.

The study is a proposal: how sure each line is, and what could not be matched, stands in it.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from crm_utils.proposal.asking import questions
from crm_utils.proposal.given import folder_of_all, given, look_at_all
from crm_utils.proposal.matching import Match, match, named
from crm_utils.proposal.table import TableProposal
from crm_utils.proposal.writing import study_text
from crm_utils.snapshots import connect
from crm_utils.sources.files.guessing import Looked
from crm_utils.sources.files.part import Place
from crm_utils.tables import TABLES

__all__ = ["Match", "TableProposal", "propose", "summary"]


def propose(paths: list[Path], root: Path, name: str) -> tuple[str, list[TableProposal]]:
    """Look at files and write a study for them.

    Parameters
    ----------
    paths
        Files below ``root``, or patterns: ``data/raw/orders-*.csv`` is one table of all that match.
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
    asked = [given(path) for path in paths]
    folder = folder_of_all(asked, root)
    scratch = Path(tempfile.mkdtemp(prefix="crm-new-"))
    con = connect()
    try:
        looked = [look_at_all(one, Place(con, f"f{n}", scratch)) for n, one in enumerate(asked)]
    finally:
        con.disconnect()
        shutil.rmtree(scratch, ignore_errors=True)
    names = [one.within(folder) for one in asked]
    found = []
    for file, one in zip(names, looked, strict=True):
        found.append((file, _table(one)))
        of_lines = _products_of(found[-1][1])
        if of_lines and not any(_table(other).table == "products" for other in looked):
            found.append((file, of_lines))
    return study_text(name, folder.relative_to(root.resolve()).as_posix(), found), [
        proposal for _, proposal in found
    ]


def summary(tables: list[TableProposal]) -> list[str]:
    """Lines for people: what each file seems to be, what matched and how surely, what did not."""
    lines = []
    for found in tables:
        lines.append(f"{found.looked.name} ({found.looked.format}) looks like {found.table}")
        for key, guess in found.looked.notes.items():
            lines.append(f"  {key:<14} {guess.value} ({guess.sure:.0%} sure: {guess.why})")
        for m in found.matches:
            told = "".join(f", {key} {value!r}" for key, value in m.told.items())
            lines.append(f"  {m.target:<14} {m.source}{told} ({m.sure:.0%} sure: {m.why})")
        lines += [f"  {column:<14} MISSING and needed" for column in found.missing]
        lines += [f"  person         {kind}: {column} (LOOK)" for kind, column in found.person.items()]
        lines += [f"  LOOK           {question.said}" for question in questions(found)]
        unused = [name for name in found.unused if name not in found.person.values()]
        if unused:
            lines.append(f"  not used: {', '.join(unused)}")
    return lines


def _products_of(lines: TableProposal) -> TableProposal | None:
    """What order lines say of their products, where no file of products is given: a row a product."""
    product = next((m for m in lines.matches if m.target == "product_id"), None)
    if lines.table != "order_lines" or product is None:
        return None
    rest = {name: lines.looked.columns[name] for name in lines.unused}
    told = match(rest, "products", only=("name", "category", "subcategory", "brand"))
    if not told:
        return None
    return TableProposal(lines.looked, "products", [product, *told], [], [], once=product.source)


def _table(looked: Looked) -> TableProposal:
    """The table that a file fits best: of those whose required columns it has most of."""
    best: tuple[float, TableProposal] | None = None
    for table in ("order_lines", "products", "customers"):
        matches = match(looked.columns, table)
        have = {m.target for m in matches}
        required = TABLES[table].required
        missing = [column for column in required if column not in have]
        score = (len(required) - len(missing)) / len(required) + sum(m.sure for m in matches) / 100
        # When and how many: nothing but orders says both.
        score += 0.5 if table == "order_lines" and {"ordered_at", "quantity"} <= have else 0
        used = {name for m in matches for name in looked.columns if m.source == name}
        used |= {name for m in matches for name in looked.columns if named(name) in m.source.split(" * ")}
        unused = [name for name in looked.columns if name not in used]
        if best is None or score > best[0]:
            best = score, TableProposal(looked, table, matches, missing, unused)
    assert best is not None
    return best[1]
