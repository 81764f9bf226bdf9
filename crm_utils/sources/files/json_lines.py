"""JSON Lines: an object a line; what is no JSON is kept as a row with its reason."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from crm_utils.errors import DataError
from crm_utils.sources.files.finding import Found
from crm_utils.sources.files.options import FileTable
from crm_utils.sources.files.part import HIDDEN, Part, Place, plain_text, used_columns
from crm_utils.tools.sql_text import identifier, literal, path_literal

__all__ = ["keys_of", "read"]

#: Keys are looked for in so many lines; one that stands in none of them is missing.
LOOKED_AT = 1_000
LONGEST_LINE = 16 << 20


def read(place: Place, files: list[Found], mapping: FileTable) -> Part:
    """Raw rows of all files; a key within an object is written ``customer.id``, as is a key with a dot.

    Raises
    ------
    DataError
        A file cannot be decoded, or no object of it has a key that the mapping asks for.
    """
    texts, there = {}, dict[str, None]()
    for number, file in enumerate(files):
        path = plain_text(place, number, file, mapping)
        texts[str(path)] = file.name
        there |= dict.fromkeys(keys_of(path))
    if not there:
        raise DataError(f"{files[0].name}: none of its first lines is a JSON object.")
    used = used_columns(mapping, list(there), table=place.table, name=files[0].name)
    scan = _scan(list(texts))
    counted = place.con.con.execute(f"SELECT filename, count(*) FROM {scan} GROUP BY ALL").fetchall()
    names = f"MAP([{', '.join(map(literal, texts))}], [{', '.join(map(literal, texts.values()))}])[filename]"
    by_name = {name: _paths(name) for name in used}
    at = {path: n for n, path in enumerate(itertools.chain(*by_name.values()), start=1)}
    paths = ", ".join(map(literal, at))
    values = ", ".join(
        f"coalesce({', '.join(f'v[{at[path]}]' for path in ways)}) AS {identifier(name)}"
        for name, ways in by_name.items()
    )
    place_in_file = "row_number() OVER (PARTITION BY filename)" if len(texts) > 1 else "row_number() OVER ()"
    made = {}
    for kind, row in (("plain", "CAST(NULL AS BIGINT)"), ("numbered", place_in_file)):
        made[kind] = place.con.sql(
            f"SELECT {values}, {names} AS _file, _row, "
            "CASE WHEN v IS NULL THEN 'the line is no JSON object' END AS _problem, "
            f"CASE WHEN v IS NULL THEN {literal(HIDDEN)} END AS _raw "
            f"FROM (SELECT filename, {row} AS _row, "
            "CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' "
            f"THEN json_extract_string(line, [{paths}]) END AS v FROM {scan})"
        )
    rows = dict.fromkeys(texts.values(), 0) | {texts[path]: n for path, n in counted}
    return Part(table=made["plain"], rows=rows, numbered=made["numbered"])


def keys_of(path: Path) -> list[str]:
    """The keys of the first objects of a file, those of an object within an object by both names."""
    keys: dict[str, None] = {}
    with path.open(encoding="utf-8-sig") as lines:
        for line in itertools.islice(iter(lambda: lines.readline(LONGEST_LINE), ""), LOOKED_AT):
            if len(line) == LONGEST_LINE:
                break  # the engine reads none so long
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            for key, value in row.items() if isinstance(row, dict) else ():
                keys[key] = None
                keys |= {f"{key}.{inner}": None for inner in value} if isinstance(value, dict) else {}
    return list(keys)


def _scan(paths: list[str]) -> str:
    """Every line as one text, empty lines left out."""
    listed = ", ".join(map(path_literal, paths))
    return (
        f"(SELECT filename, line FROM read_csv([{listed}], columns = {{line: 'VARCHAR'}}, "
        "auto_detect = false, header = false, delim = '', quote = '', escape = '', filename = true, "
        f"hive_partitioning = false, max_line_size = {LONGEST_LINE}, buffer_size = {4 * LONGEST_LINE}) "
        "WHERE trim(line) <> '')"
    )


def _paths(name: str) -> list[str]:
    """Where a key may be: under its whole name, or within an object, each dot parting two names or none."""
    if '"' in name:
        raise DataError(f"the key {name!r} holds a quotation mark: it cannot be read.")
    parts = name.split(".")
    ways = [[name], *([".".join(parts[:n]), ".".join(parts[n:])] for n in range(1, len(parts))), parts]
    return list(dict.fromkeys("$" + "".join(f'."{part}"' for part in way) for way in ways))
