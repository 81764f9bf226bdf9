"""Do two files belong together by a key? Headers of orders in one, their lines or prices in another."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from crm_utils.proposal.matching import Match
from crm_utils.proposal.table import TableProposal
from crm_utils.sources.files.guessing import Guess, Looked

__all__ = ["joined_in", "with_the_lines_key"]

#: What lines may lack and another file may bring.
_BROUGHT = ("ordered_at", "customer_id", "amount")
#: Of the lines, those that find a row in the first lines of the other file; its order may be another.
_FOUND = 0.5
#: The same of different names: of the different values.
_NEARLY_ALL = 0.9
_KEY = re.compile(r"(id|no|nr|number|key|code|번호)$", re.IGNORECASE)
#: What is a key of whatever its file is of.
_BARE = {"id", "no", "nr", "number", "key", "code"}
#: Letters of a name that stands at another's end: item_id of menu_item_id.
_LONG = 5


def joined_in(
    names: list[str], tables: list[TableProposal], table_of: Callable[[Looked], TableProposal]
) -> list[tuple[str, TableProposal]]:
    """Each file with its table, files of lines with what they need of others beside them.

    Parameters
    ----------
    names, tables
        The files, and what each alone would be.
    table_of
        What a file would be.
    """
    left = list(zip(names, tables, strict=True))
    for name, lines in sorted(left, key=lambda item: -item[1].looked.rows):
        joined = lines
        if name not in dict(left) or lines.table in ("products", "customers"):
            continue  # joined to another already, or a table of its own and no lines
        for other, headers in [item for item in left if item[0] != name]:
            together = _together(joined, other, headers)
            if together is None:
                continue
            made = table_of(together)
            new = [c for c in _BROUGHT if made.has(c) and not joined.has(c)]
            if made.table == "order_lines" and new and len(made.missing) <= len(joined.missing):
                joined = made
                if headers.table == "order_lines" or "ordered_at" in new:
                    left = [item for item in left if item[0] != other]
        if joined is not lines:
            left = [(n, joined if n == name else t) for n, t in left]
    return left


def _together(lines: TableProposal, other: str, headers: TableProposal) -> Looked | None:
    """The lines with the columns of another file beside them; None where no key is in both."""
    one, two = lines.looked, headers.looked
    for own, theirs in _keys(one, two, PurePosixPath(other).stem):
        at = {text: n for n, text in enumerate(two.cells[theirs])}
        where = [at.get(text) for text in one.cells[own]]
        new = [c for c in two.cells if c not in one.cells and c != theirs]
        beside = {c: [two.cells[c][n] if n is not None else "" for n in where] for c in new}
        by = own if own == theirs else {own: theirs}
        join = [*one.options.get("join", []), {"files": other, "by": by, **two.options}]  # type: ignore[misc]
        key = own if own == theirs else f"{own}, there called {theirs},"
        note = Guess(other, 0.6, f"{key} is in both, and once in {other}")
        return replace(
            one,
            cells=one.cells | beside,
            options=one.options | {"join": join},
            notes=one.notes | {"join": note},
        )
    return None


def _keys(one: Looked, two: Looked, stem: str) -> list[tuple[str, str]]:
    """The keys by which rows of one file find theirs in another, those of one name first."""
    once = [name for name, texts in two.cells.items() if _KEY.search(name) and _stand_once(texts)]
    pairs = [(own, theirs) for theirs in once for own in one.cells if _alike(own, theirs, stem)]
    same = [(own, theirs) for own, theirs in pairs if own == theirs]
    other = [(own, theirs) for own, theirs in pairs if own != theirs]
    whole = one.whole and two.whole

    def lines_found(own: str, theirs: str) -> bool:
        there = set(two.cells[theirs])
        return sum(text in there for text in one.cells[own]) >= _FOUND * max(1, one.rows) or not whole

    return [
        *(pair for pair in same if lines_found(*pair)),
        *(pair for pair in other if _share(one.columns[pair[0]], two.columns[pair[1]]) >= _NEARLY_ALL),
    ]


def _stand_once(texts: list[str]) -> bool:
    filled = [text for text in texts if text]
    return len(filled) > 1 and len(set(filled)) == len(filled)


def _share(values: list[str], there: list[str]) -> float:
    """Of different values, the share that is there as well."""
    different = set(values)
    return len(different & set(there)) / len(different) if different else 0.0


def _alike(own: str, theirs: str, stem: str) -> bool:
    """Whether two columns can be one key by their names; ``id`` is the key of what its file is of.

    Examples
    --------
    >>> _alike("item_id", "menu_item_id", "menu"), _alike("order_id", "id", "orders"), _alike("id", "id", "x")
    (True, True, False)
    """
    a, b = (re.sub(r"[\W_]+", "", name).casefold() for name in (own, theirs))
    if a in _BARE:
        return False
    if b in _BARE:
        of = a.removesuffix(b)
        return a.endswith(b) and len(of) > 2 and of.rstrip("s") in re.sub(r"[\W_]+", "", stem).casefold()
    return a == b or (min(len(a), len(b)) >= _LONG and (a.endswith(b) or b.endswith(a)))


def with_the_lines_key(products: TableProposal, lines: TableProposal) -> TableProposal:
    """A file of products by the key that order lines know them by, however it is called there.

    Parameters
    ----------
    products
        What the file alone would be: its ``product_id`` may be a name.
    lines
        The order lines.
    """
    bought = lines.looked.columns.get(lines.source("product_id"), [])
    own = products.looked.columns.get(products.source("product_id"), [])
    if not bought or _share(bought, own) >= _FOUND:
        return products
    cells = products.looked.cells
    keys = [
        name
        for name, texts in cells.items()
        if _stand_once(texts) and _share(bought, products.looked.columns[name]) >= _NEARLY_ALL
    ]
    if not keys:
        return products
    before = products.source("product_id")
    key = Match("product_id", keys[0], 0.6, "its values are those of the order lines", {})
    rest = [m for m in products.matches if m.target != "product_id" and m.source != keys[0]]
    if before and not any(m.target == "name" for m in rest):
        rest = [Match("name", before, 0.6, "it was taken for the product by its name", {}), *rest]
    unused = [name for name in products.unused if name != keys[0]]
    return replace(products, matches=[key, *rest], unused=unused, missing=[])
