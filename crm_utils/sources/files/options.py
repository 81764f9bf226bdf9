"""What may a study say of its files? Which they are, how they are written, and their mapping."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from crm_utils.errors import DataError, StudyError
from crm_utils.mapping import TableMapping, check_columns, columns_named
from crm_utils.people import PeopleOptions

__all__ = ["BLANKS", "FileTable", "Join", "Options", "folder_of"]

Format = Literal["csv", "tsv", "excel", "jsonl", "parquet"]
_ENVIRONMENT = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)\}?(?:/(.*))?")


def _leaves(text: str) -> bool:
    """Whether a path leads out of the folder it is taken from, as any system reads it."""
    windows = PureWindowsPath(text)
    return bool(windows.anchor) or ".." in windows.parts or PurePosixPath(text).is_absolute()


def _pattern(text: str) -> str:
    if _leaves(text) or "\\" in text or not text.strip(" ."):
        raise ValueError(f"'{text}' must stay within the folder: no '..', no path from the root")
    if any("**" in part and part != "**" for part in PurePosixPath(text).parts):
        raise ValueError(f"'{text}': ** stands for folders, between two /, as in **/*.csv")
    return text


def _encoding(text: str) -> str:
    try:
        codec = codecs.lookup(text)
    except LookupError:
        raise ValueError(
            f"'{text}' is no encoding; write one such as utf-8, cp949, utf-16-le, cp1252"
        ) from None
    if not getattr(codec, "_is_text_encoding", True):
        raise ValueError(f"'{text}' is no encoding of text")
    return codec.name


Files = Annotated[list[Annotated[str, AfterValidator(_pattern)]], Field(min_length=1),
                  BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]  # fmt: skip
Encoding = Annotated[str, AfterValidator(_encoding)] | None
Mark = Annotated[str, Field(min_length=1, max_length=1)]
#: Any number of blanks between two values, and at the ends of a line: what statistics programs write.
BLANKS = "blanks"
Delimiter = Mark | Literal["blanks"]
Skip = Annotated[int, Field(ge=0, le=10_000)]


class Join(BaseModel):
    """Files of which a row stands beside each row of the table's own: headers of orders, prices.

    Attributes
    ----------
    files, format, encoding, delimiter, quote, skip, names, sheet
        As for the table's own files.
    by
        The key: a column that both have, or ``{own column: their column}``. It is there once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    files: Files
    by: Annotated[str, Field(min_length=1)] | Annotated[dict[str, str], Field(min_length=1, max_length=1)]
    format: Format | None = None
    encoding: Encoding = None
    delimiter: Delimiter | None = None
    quote: Mark = '"'
    skip: Skip = 0
    names: list[str] | None = None
    sheet: str | None = None

    @property
    def keys(self) -> list[str]:
        """The key's column in the table's own files, or in those joined before."""
        return [self.by] if isinstance(self.by, str) else list(self.by)

    @property
    def others(self) -> list[str]:
        """The key's column in these files."""
        return [self.by] if isinstance(self.by, str) else list(self.by.values())


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, dict) else value


Joins = Annotated[list[Join], BeforeValidator(_one_or_more)]


class FileTable(TableMapping):
    """The files of one canonical table, how they are written, and what their columns are.

    Attributes
    ----------
    files
        Names or patterns (``orders/2024-*.csv``) within the folder; rows of all of them together.
    format
        ``csv``, ``tsv``, ``excel``, ``jsonl`` or ``parquet``; told by the ending when left out.
    encoding
        Of text. Left out: by its mark, else strict UTF-8, else strict CP949, else refused.
    delimiter, quote
        Between values, and around them; ``blanks`` where any number of them stands between two values.
    skip
        Lines above the header.
    names
        The columns of files that have no header.
    sheet
        Of a workbook that has more than one.
    of_the_order
        Columns that are filled on one line of an order alone: its other lines get the value from there.
    overlap
        Order lines that stand in two files, of exports that overlap: ``drop`` leaves all but the first out,
        ``keep`` counts each. Left out: the load is refused.
    join
        Other files whose columns stand beside these, by a key: the headers of orders.
    """

    files: Files
    format: Format | None = None
    encoding: Encoding = None
    delimiter: Delimiter | None = None
    quote: Mark = '"'
    skip: Skip = 0
    names: list[str] | None = None
    sheet: str | None = None
    of_the_order: list[str] = Field(default=[])
    overlap: Literal["drop", "keep"] | None = None
    join: Joins = Field(default=[])

    @model_validator(mode="after")
    def _marks_differ(self) -> FileTable:
        for name, mark in {"delimiter": self.mark, "quote": self.quote}.items():
            if mark in "\r\n\0":
                raise ValueError(f"{name} is a line's end, which parts rows; write what stands in a row")
        if self.mark == self.quote:
            raise ValueError(
                f"delimiter and quote are both {self.quote!r}: a value could not be told from its end"
            )
        return self

    @property
    def mark(self) -> str:
        """What stands between two values, as the engine reads them."""
        if self.delimiter == BLANKS:
            return "\t"
        return self.delimiter or ("\t" if self.format == "tsv" else ",")


class Options(BaseModel):
    """What a study says of its files.

    Attributes
    ----------
    folder
        Where they are: within the project, or ``$NAME`` of the environment (and a folder below it).
    tables
        For each canonical table its files; ``order_lines`` among them.
    people
        How people are told apart, where a table has ``person``.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    folder: str
    people: PeopleOptions = PeopleOptions()
    tables: dict[str, FileTable]

    @model_validator(mode="after")
    def _whole(self) -> Options:
        if "order_lines" not in self.tables:
            raise ValueError("tables must have 'order_lines': nothing can be said without orders")
        for name, mapping in self.tables.items():
            check_columns(name, mapping)
            order = mapping.columns.get("order_id")
            if mapping.of_the_order and (order is None or not (order.column or order.columns) or order.anew):
                raise ValueError(f"{name}: of_the_order needs an order_id that is a column, or columns")
            if mapping.join and mapping.duplicates == "drop":
                raise ValueError(f"{name}: where files are joined, name the columns by which rows are equal: "
                                 "duplicates: [...]")  # fmt: skip
            if mapping.overlap and name != "order_lines":
                raise ValueError(f"overlap belongs to order_lines, not to {name}")
            for column in mapping.of_the_order:
                if column not in columns_named(mapping):
                    raise ValueError(f"{name}: of_the_order names '{column}', which the mapping does not use")
        return self

    @property
    def persons(self) -> dict[str, dict[str, str]]:
        """What names a person, by table."""
        return {table: mapping.person for table, mapping in self.tables.items()}


def folder_of(folder: str, root: Path) -> Path:
    """The folder that a study names, as it is on this machine.

    Raises
    ------
    StudyError
        It lies outside the project, or its variable is not set.
    DataError
        It is not there.
    """
    variable = _ENVIRONMENT.fullmatch(folder)
    if variable:
        given = os.environ.get(variable[1])
        if not given:
            raise StudyError(
                f"The folder of the files is in ${variable[1]}, which is not set: export {variable[1]}=…"
            )
        if _leaves(variable[2] or ""):
            raise StudyError(f"folder '{folder}' leads out of the folder that ${variable[1]} names.")
        place = Path(given).expanduser() / (variable[2] or "")
    else:
        if _leaves(folder):
            raise StudyError(
                f"folder '{folder}' lies outside the project. Copy the files to data/raw/, or name an "
                "environment variable that holds their folder: folder: $SHOP_FILES"
            )
        place = root / folder
    if not place.is_dir():
        raise DataError(f"There is no folder '{folder}'. Make it and put the files there.")
    return place
