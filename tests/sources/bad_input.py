"""Broken and hostile inputs, each with how it ends: loaded, with rows set aside or left out, or refused."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

__all__ = ["CASES", "Case", "study_text"]

HEAD = "Invoice,Customer,Item,Date,Qty,Amount\n"
ROW = "1,c1,A,2024-02-29 10:00:00,2,3.50\n"
MANY = "x" * 10_000_000


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes
    ----------
    name
        What is wrong with it.
    files
        Their bytes by name, or a function that makes them in a folder.
    rows
        read, loaded, set aside, left out; None where it is refused.
    said
        The reason of the first row set aside, or a part of the sentence that refuses.
    table
        What the study says beyond the usual of its files.
    columns
        Likewise of its columns.
    """

    name: str
    files: dict[str, bytes] | Callable[[Path], None]
    rows: tuple[int, int, int, int] | None = None
    said: str = ""
    table: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)


def study_text(case: Case) -> str:
    """A study of the case's files, as JSON, which YAML can read."""
    columns = {
        "order_id": "Invoice", "customer_id": "Customer", "product_id": "Item", "ordered_at": "Date",
        "quantity": "Qty", "amount": "Amount",
    }  # fmt: skip
    table = {"files": "orders.*", "columns": columns | case.columns} | case.table
    return json.dumps({
        "title": "Bad input", "timezone": "Asia/Seoul", "currency": "KRW", "history_starts": "2024-01-01",
        "quality": {"set_aside_at_most": 1.0},
        "source": {"kind": "files", "folder": "raw", "tables": {"order_lines": table}},
    })  # fmt: skip


def csv(*lines: str, head: str = HEAD) -> dict[str, bytes]:
    return {"orders.csv": (head + "".join(lines)).encode()}


def row(**changed: str) -> str:
    values = dict(zip(HEAD.strip().split(","), ROW.strip().split(","), strict=True)) | changed
    return ",".join(values.values()) + "\n"


def text(content: str, encoding: str, mark: bytes = b"") -> dict[str, bytes]:
    return {"orders.csv": mark + content.encode(encoding)}


def sheet(*rows: list[Any], change: Callable[[Any], None] | None = None) -> dict[str, bytes]:
    book = openpyxl.Workbook()
    for values in [HEAD.strip().split(","), *rows]:
        book.active.append(values)
    if change:
        change(book)
    content = io.BytesIO()
    book.save(content)
    return {"orders.xlsx": content.getvalue()}


def parquet(**columns: list[Any]) -> bytes:
    frame = {
        "Invoice": ["1"],
        "Customer": ["c"],
        "Item": ["A"],
        "Date": ["2024-02-29"],
        "Qty": [1],
        "Amount": [1.5],
    }
    content = io.BytesIO()
    pd.DataFrame(frame | columns).to_parquet(content)
    return content.getvalue()


def zipped(**files: bytes) -> dict[str, bytes]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inside in files.items():
            archive.writestr(name.replace("__", "."), inside)
    return {"orders.zip": content.getvalue()}


def locked_zip() -> dict[str, bytes]:
    content = bytearray(zipped(a__csv=(HEAD + ROW).encode())["orders.zip"])
    content[6] |= 1  # the flag of the local and of the central header
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return {"orders.zip": bytes(content)}


def bomb(kind: str) -> dict[str, bytes]:
    flood = HEAD.encode() + ROW.encode() * 4_000_000 + b"0" * 60_000_000
    if kind == "gz":
        return {"orders.csv.gz": gzip.compress(flood, 9)}
    if kind == "zip":
        return zipped(orders__csv=flood)
    book = zipfile.ZipFile(content := io.BytesIO(), "w", zipfile.ZIP_DEFLATED)
    with book:
        book.writestr("xl/worksheets/sheet1.xml", flood)
    return {"orders.xlsx": content.getvalue()}


def outside(folder: Path) -> None:
    (folder.parent / "secret.csv").write_text(HEAD + ROW)
    (folder / "orders.csv").symlink_to(folder.parent / "secret.csv")


def around(folder: Path) -> None:
    (folder / "orders.csv").symlink_to(folder / "orders.csv")


def within(folder: Path) -> None:
    (folder / "real.csv").write_text(HEAD + ROW)
    (folder / "orders.csv").symlink_to("real.csv")


def two_schemas(folder: Path) -> None:
    (folder / "orders.1.csv").write_text(HEAD + ROW)
    (folder / "orders.2.csv").write_text(
        "Amount,Qty,Date,Item,Customer,Invoice,New\n1,1,2024-01-05,B,c2,2,x\n"
    )


def column_gone(folder: Path) -> None:
    (folder / "orders.1.csv").write_text(HEAD + ROW)
    (folder / "orders.2.csv").write_text(HEAD.replace("Amount", "Total") + ROW)


def formula(book: Any) -> None:
    book.active["F2"] = "=E2*2"


def merged(book: Any) -> None:
    book.active.merge_cells("A2:A3")


def two_sheets(book: Any) -> None:
    book.create_sheet("Notes").append(["nothing"])


OK = (1, 1, 0, 0)
ONE_BAD = (2, 1, 1, 0)
BOM8, BOM16 = b"\xef\xbb\xbf", b"\xff\xfe"
KOREAN = HEAD + "1,c1,한글 상품,2024-02-29 10:00:00,2,3.50\n"
NUMBER, TIME = "amount cannot be read as a number", "ordered_at cannot be read as a time"
XLSX = ["1", "c1", "A", "2024-02-29", 2, 3.5]
JSON_ROW = json.dumps(dict(zip(HEAD.strip().split(","), ROW.strip().split(","), strict=True))).encode()

CASES = [
    # Encodings
    Case("UTF-8", text(KOREAN, "utf-8"), OK),
    Case("UTF-8 with its mark", text(KOREAN, "utf-8", BOM8), OK),
    Case("CP949, as Excel in Korea saves", text(KOREAN, "cp949"), OK),
    Case("UTF-16 with its mark", text(KOREAN, "utf-16-le", BOM16), OK),
    Case("UTF-16, big end first, with its mark", text(KOREAN, "utf-16-be", b"\xfe\xff"), OK),
    Case("UTF-16 without mark", text(KOREAN, "utf-16-le"), None, "UTF-16 without its mark"),
    Case("UTF-16 without mark, declared", text(KOREAN, "utf-16-le"), OK, table={"encoding": "utf-16-le"}),
    Case(
        "UTF-16 cut in half a letter",
        text(KOREAN, "utf-16-le", BOM16 + b"a"),
        None,
        "is not utf-16 throughout",
    ),
    Case("UTF-32 with its mark", text(KOREAN, "utf-32"), OK),
    Case(
        "Latin-1",
        text(KOREAN.replace("한글 상품", "Crème brûlée Ärger"), "latin-1"),
        None,
        "is neither UTF-8 nor",
    ),
    Case(
        "Latin-1 that CP949 can read by chance",
        text(KOREAN.replace("한글 상품", "ÄrÄtÄ"), "latin-1"),
        None,
        "is neither UTF-8 nor, beyond doubt",
    ),
    Case(
        "Latin-1, declared",
        text(KOREAN.replace("한글 상품", "Crème"), "latin-1"),
        OK,
        table={"encoding": "latin-1"},
    ),
    Case(
        "UTF-8 and CP949 mixed",
        {"orders.csv": KOREAN.encode() + "2,c,글,2024-01-01,1,1\n".encode("cp949")},
        None,
        "is neither UTF-8 nor",
    ),
    Case(
        "declared UTF-8, is CP949",
        text(KOREAN, "cp949"),
        None,
        "is not utf-8 throughout",
        table={"encoding": "utf-8"},
    ),
    Case(
        "UTF-8 cut within a letter",
        {"orders.csv": (HEAD + "1,c1,한").encode()[:-1]},
        None,
        "is neither UTF-8 nor",
    ),
    Case("NUL bytes", csv(ROW, row(Item="a\0b")), None, "holds NUL bytes"),
    Case("a binary file", {"orders.csv": bytes(range(256)) * 50}, None, "holds NUL bytes"),
    Case("an encoding nobody knows", csv(ROW), None, "is no encoding", table={"encoding": "utf-9"}),
    Case(
        "an encoding that is none of text",
        csv(ROW),
        None,
        "is no encoding of text",
        table={"encoding": "rot13"},
    ),
    Case("letters beyond the basic plane, both directions", csv(row(Item="\U0001f6d2\u202eabc")), OK),
    # Lines and marks
    Case("too few values", csv(ROW, "2,c1,A\n"), ONE_BAD, "the line has too few values: 3, not 6"),
    Case("too many values", csv(ROW, row(Amount="1,2,3")), ONE_BAD, "the line has more than 6 values"),
    Case(
        "a comma in an unquoted name", csv(ROW, row(Item="A,B")), ONE_BAD, "the line has more than 6 values"
    ),
    Case(
        "a quotation mark not closed",
        csv(ROW, row(Item='"A'), ROW, ROW),
        ONE_BAD,
        "a quotation mark is not closed",
    ),
    Case(
        "a quotation mark within a value",
        csv(ROW, row(Item='"A"B"')),
        ONE_BAD,
        "a quotation mark is not closed",
    ),
    Case("a doubled quotation mark", csv(row(Item='"12"" plate"')), OK),
    Case("line breaks within a value", csv(row(Item='"A\nB\r\nC"')), OK),
    Case("a line of 10 MB", csv(ROW, row(Item=MANY), ROW), (3, 2, 1, 0), "the line is longer than 2 MB"),
    Case("a value of 1 MB", csv(row(Item=MANY[:1_000_000])), OK),
    Case("a header of 1 MB", csv(ROW, head=HEAD.replace("Item", MANY[:1_000_000])), None, "it is too long"),
    Case(
        "semicolons instead of commas",
        {"orders.csv": (HEAD + ROW).replace(",", ";").encode()},
        None,
        "Is the delimiter ';'?",
    ),
    Case(
        "semicolons, declared",
        {"orders.csv": (HEAD + ROW).replace(",", ";").encode()},
        OK,
        table={"delimiter": ";"},
    ),
    Case("tabs in a .tsv", {"orders.tsv": (HEAD + ROW).replace(",", "\t").encode()}, OK),
    Case("Windows line ends", {"orders.csv": (HEAD + ROW).replace("\n", "\r\n").encode()}, OK),
    Case("old Macintosh line ends", {"orders.csv": (HEAD + ROW).replace("\n", "\r").encode()}, OK),
    Case(
        "all kinds of line ends",
        {"orders.csv": (HEAD + ROW).encode() + b"2,c,A,2024-01-01,1,1\r\n3,c,A,2024-01-01,1,1\r"},
        (3, 3, 0, 0),
    ),
    Case("empty lines", csv("\n", ROW, "\n\n", ROW, "\n"), (2, 2, 0, 0)),
    Case("no line end at the end", csv(ROW.strip()), OK),
    Case(
        "a last line that was cut", csv(ROW, "2,c1,A,2024"), ONE_BAD, "the line has too few values: 4, not 6"
    ),
    Case("a mark at every line's end", csv(ROW.replace("\n", ",\n"), head=HEAD.replace("\n", ",\n")), OK),
    # Headers
    Case("an empty file", {"orders.csv": b""}, None, "orders.csv is empty"),
    Case("line ends alone", {"orders.csv": b"\n\n\n"}, None, "orders.csv is empty"),
    Case("a header alone", csv(), None, "No order line of 'bad' could be loaded; 0 were read"),
    Case(
        "no header",
        {"orders.csv": ROW.encode() * 2},
        None,
        "none of the mapped columns stands in its first line",
    ),
    Case("no header, declared", {"orders.csv": ROW.encode()}, OK, table={"names": HEAD.strip().split(",")}),
    Case("the header twice", csv(HEAD, ROW), ONE_BAD, TIME),
    Case(
        "a title above the header",
        csv(ROW, head="Sales report\n" + HEAD),
        None,
        "its first line is one value",
    ),
    Case("a title above the header, declared", csv(ROW, head="Sales report\n" + HEAD), OK, table={"skip": 1}),
    Case(
        "a column twice",
        csv(ROW.replace("\n", ",1\n"), head=HEAD.replace("\n", ",Qty\n")),
        None,
        "stands there 2 times",
    ),
    Case(
        "a column twice but for capitals",
        csv(ROW.replace("\n", ",1\n"), head=HEAD.replace("\n", ",QTY\n")),
        None,
        "stands there 2 times",
    ),
    Case(
        "a column called as one of ours",
        csv(ROW.replace("\n", ",x\n"), head=HEAD.replace("\n", ",_problem\n")),
        None,
        "the data have a column '_problem'",
        table={"duplicates": "drop"},
    ),
    Case("an unused column twice", csv(ROW.replace("\n", ",1,2\n"), head=HEAD.replace("\n", ",x,x\n")), OK),
    Case("a column without a name", csv(ROW.replace("\n", ",1\n"), head=HEAD.replace("\n", ",\n")), OK),
    Case("blanks around names and values", csv(ROW.replace(",", " , "), head=HEAD.replace(",", " , ")), OK),
    Case(
        "a column that is not there",
        csv(ROW, head=HEAD.replace("Amount", "Amout")),
        None,
        "Did you mean 'Amout'?",
    ),
    Case(
        "columns in another order in another file", two_schemas, (2, 2, 0, 0), table={"files": "orders.*.csv"}
    ),
    Case(
        "a column renamed since last time",
        column_gone,
        None,
        "orders.2.csv: order_lines: the data have no column",
        table={"files": "orders.*.csv"},
    ),
    # Times
    Case("29 February of a common year", csv(ROW, row(Date="2023-02-29")), ONE_BAD, TIME),
    Case("a date of the far future", csv(ROW, row(Date="9999-12-31")), ONE_BAD, "ordered_at is before 1970"),
    Case("an ancient date", csv(ROW, row(Date="0017-03-01")), ONE_BAD, "ordered_at is before 1970"),
    Case("a date that is ambiguous", csv(ROW, row(Date="03/04/2024")), ONE_BAD, TIME),
    Case("a date that is ambiguous, declared", csv(row(Date="03/04/2024")), OK, table={"dates": "%d/%m/%Y"}),
    Case("an hour that is none", csv(ROW, row(Date="2024-01-01 25:00")), ONE_BAD, TIME),
    Case("an offset nobody declared", csv(ROW, row(Date="2024-01-01T10:00:00+09:00")), ONE_BAD, TIME),
    Case("a day as a spreadsheet counts it", csv(ROW, row(Date="45351")), ONE_BAD, TIME),
    Case("a date without a value", csv(ROW, row(Date="")), ONE_BAD, "ordered_at is empty"),
    # Numbers and ids
    Case("decimal commas", csv(ROW, row(Amount='"3,50"')), ONE_BAD, NUMBER),
    Case(
        "decimal commas, declared",
        csv(row(Amount='"1.003,50"')),
        OK,
        table={"decimal": ",", "thousands": "."},
    ),
    Case("a currency sign", csv(ROW, row(Amount="₩3")), ONE_BAD, NUMBER),
    Case("a currency sign, declared", csv(row(Amount="₩3")), OK, table={"signs": ["₩"]}),
    Case(
        "thousands marks in odd places",
        csv(ROW, row(Amount='"1,5"')),
        ONE_BAD,
        NUMBER,
        table={"thousands": ","},
    ),
    Case("a number too large", csv(ROW, row(Amount="9" * 30)), ONE_BAD, NUMBER),
    Case(
        "infinity and not a number",
        csv(*[ROW] * 40, row(Amount="inf"), row(Amount="NaN")),
        (42, 40, 2, 0),
        NUMBER,
    ),
    Case("leading zeros", csv(row(Customer="0010")), OK),
    Case(
        "an id that a spreadsheet shortened", csv(ROW, row(Customer="8.80123E+12")), ONE_BAD, "was shortened"
    ),
    Case("words that mean empty, declared", csv(row(Customer="NULL")), OK, table={"empty": ["NULL"]}),
    Case("no product", csv(ROW, row(Item="")), ONE_BAD, "product_id is empty"),
    Case("every row broken", csv(row(Amount="x"), row(Amount="y")), None, "could be loaded; 2 were read"),
    # Hostile text
    Case("HTML in a name", csv(row(Item="<script>alert(1)</script>")), OK),
    Case("SQL in a name", csv(row(Item="'; DROP TABLE orders; --")), OK),
    Case("a formula in a name", csv(row(Item="=cmd|' /C calc'!A0")), OK),
    Case(
        "SQL in a column's name",
        csv(ROW, head=HEAD.replace("Item", 'It\'""; DROP--')),
        OK,
        columns={"product_id": 'It\'""; DROP--'},
    ),
    Case("a quotation mark in a file's name", {"orders.'\".csv": (HEAD + ROW).encode()}, OK),
    # Places
    Case("a link out of the folder", outside, None, "orders.csv leads out of the study's folder"),
    Case("a link to itself", around, None, "orders.csv leads to a file that is not there"),
    Case("a link within the folder", within, OK),
    Case(
        "'..' in a pattern",
        csv(ROW),
        None,
        "must stay within the folder",
        table={"files": "../raw/orders.csv"},
    ),
    Case(
        "a pattern from the root",
        csv(ROW),
        None,
        "must stay within the folder",
        table={"files": "/etc/passwd"},
    ),
    Case("no such file", csv(ROW), None, "no file 'sales.csv' in the folder", table={"files": "sales.csv"}),
    Case(
        "a folder named as a file", lambda folder: (folder / "orders.csv").mkdir(), None, "no file 'orders.*'"
    ),
    Case("an ending nobody knows", {"orders.dat": b"x"}, None, "its ending tells no format"),
    Case("files of several formats", csv(ROW) | {"orders.parquet": parquet()}, None, "of several formats"),
    # Packed
    Case("gzip", {"orders.csv.gz": gzip.compress((HEAD + ROW).encode())}, OK),
    Case(
        "gzip, cut off",
        {"orders.csv.gz": gzip.compress((HEAD + ROW * 99).encode())[:-9]},
        None,
        "damaged, or cut off",
    ),
    Case("gzip that is none", {"orders.csv.gz": b"no gzip"}, None, "damaged, or cut off"),
    Case("zip", zipped(orders__csv=(HEAD + ROW).encode()), OK),
    Case("zip with a hostile name inside", zipped(**{"../../evil__csv": (HEAD + ROW).encode()}), OK),
    Case("zip of several files", zipped(a__csv=b"x", b__csv=b"y"), None, "holds 2 files"),
    Case(
        "zip, cut off",
        {"orders.zip": zipped(a__csv=b"x" * 99)["orders.zip"][:-9]},
        None,
        "damaged, or cut off",
    ),
    Case("zip behind a password", locked_zip(), None, "is locked with a password"),
    Case("a zip bomb", bomb("zip"), None, "unpacks to more than 200 times its size"),
    Case("a gzip bomb", bomb("gz"), None, "unpacks to more than 200 times its size"),
    Case("a workbook that is a bomb", bomb("xlsx"), None, "unpacks to more than 200 times its size"),
    # Excel
    Case("a workbook", sheet(XLSX), OK),
    Case(
        "an error in a cell", sheet(XLSX, ["#N/A", *XLSX[1:]]), ONE_BAD, "Invoice is an error of the workbook"
    ),
    Case("merged cells", sheet(XLSX, XLSX, change=merged), ONE_BAD, "order_id is empty"),
    Case(
        "a formula never calculated",
        sheet(XLSX, XLSX, change=formula),
        ONE_BAD,
        "is a formula that was never",
    ),
    Case("two sheets", sheet(XLSX, change=two_sheets), None, "2 sheets; say which"),
    Case("two sheets, declared", sheet(XLSX, change=two_sheets), OK, table={"sheet": "Sheet"}),
    Case("empty rows in a sheet", sheet([None] * 6, XLSX, [None] * 6), OK),
    Case(
        "a workbook, cut off", {"orders.xlsx": sheet(XLSX)["orders.xlsx"][:900]}, None, "damaged, or no .xlsx"
    ),
    Case("an old .xls", {"orders.xls": b"\xd0\xcf\x11\xe0"}, None, "Save it as .xlsx or as CSV"),
    # JSON Lines and Parquet
    Case("JSON Lines", {"orders.jsonl": JSON_ROW}, OK),
    Case(
        "JSON keys with a dot, of an object or their own",
        {
            "orders.jsonl": b'{"a.no": "1", "Customer": "c1", "c.x": {"y.z": "A"}, '
            b'"t": {"at": "2024-02-29"}, "Qty": 1, "Amount": 1}\n'
        },
        OK,
        columns={"order_id": "a.no", "ordered_at": "t.at", "product_id": "c.x.y.z"},
    ),
    Case(
        "a line of JSON that is too long",
        {"orders.jsonl": JSON_ROW + b'\n{"Invoice": "' + b"x" * (17 << 20)},
        None,
        "cannot be loaded",
    ),
    Case(
        "a line that is no JSON",
        {"orders.jsonl": (JSON_ROW + b"\n") * 40 + b"{'Invoice': 1\n[1]\n\n"},
        (42, 40, 2, 0),
        "no JSON object",
    ),
    Case(
        "JSON Lines without any",
        {"orders.jsonl": b"hello\n"},
        None,
        "none of its first lines is a JSON object",
    ),
    Case("Parquet", {"orders.parquet": parquet()}, OK),
    Case("Parquet, cut off", {"orders.parquet": parquet()[:-20]}, None, "it is damaged, or no Parquet file"),
    Case("Parquet that is none", {"orders.parquet": b"PAR1"}, None, "it is damaged, or no Parquet file"),
    Case(
        "Parquet with a number that is none",
        {"orders.parquet": parquet(Amount=[float("nan")])},
        None,
        "1 were read",
    ),
]
