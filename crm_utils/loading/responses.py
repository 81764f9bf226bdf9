"""What does a provider's result file say of our messages? Read by the mapping of the scenarios file.

The mapping is written as that of any table (:class:`~crm_utils.mapping.TableMapping`), and the file may be of
any form that a study's own files may have. ``failed_reason`` maps a provider's codes: ``delivered`` is no
failure, and a code that is not listed is kept as it is and counted.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from pydantic import ValidationError

from crm_utils.engine import connect
from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.mapping import apply
from crm_utils.people import ledger, responses
from crm_utils.snapshots import sha256
from crm_utils.sources.files import columnar, delimited, json_lines, workbook
from crm_utils.sources.files.finding import Found, format_of
from crm_utils.sources.files.options import FileTable
from crm_utils.sources.files.part import Place
from crm_utils.study import Study
from crm_utils.study.scenarios import read_responses
from crm_utils.tools.yaml_file import explain

__all__ = ["DELIVERED", "read_back"]

DELIVERED = "delivered"
"""What a mapping calls the codes of messages that arrived."""
_READERS = {
    "csv": delimited.read, "tsv": delimited.read, "excel": workbook.read, "jsonl": json_lines.read,
    "parquet": columnar.read,
}  # fmt: skip
_KNOWN = ("message_id", "to", "fallback_of", "channel", "failed_reason", *responses.TIMES)


def read_back(root: Path, study: Study, path: Path, *, provider: str) -> responses.Counted:
    """Read a result file and keep what it says of the messages that were handed over.

    Parameters
    ----------
    root, study
        Whose.
    path
        The file.
    provider
        The mapping's name under ``responses`` in the study's scenarios file.

    Raises
    ------
    StudyError
        There is no such mapping, or it is not valid.
    DataError
        There is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path.name} at that place.")
    mapping = _mapping(root, study, provider, path.name)
    scratch = ledger.own(root / "private" / study.name, root) / ".reading"
    con = connect()
    try:
        kind = mapping.format or format_of(path.name)
        scratch.mkdir(mode=0o700, exist_ok=True)
        file = Found(path, path.name, kind)
        part = _READERS[kind](Place(con, "messages", scratch), [file], mapping)
        raw = part.table if part.numbered is None else part.numbered
        rows = apply(raw, mapping, table="messages", zone=study.timezone)
        said = _frame(rows, mapping)
        if "message_id" not in mapping.columns:
            own = responses.by_address(root, study.name, said["to"], said["delivered_at"])
            said["message_id"] = own.where(own.notna(), said["to"])  # an address of no message of ours
    finally:
        con.disconnect()
        shutil.rmtree(scratch, ignore_errors=True)
    return responses.keep(root, study.name, sha256(path)[:16], said)


def _mapping(root: Path, study: Study, provider: str, file: str) -> FileTable:
    sections, node, shown = read_responses(root, study.name)
    if provider not in sections:
        there = known_names(provider, list(sections), label="There are") if sections else "It has none."
        raise StudyError(f"{shown} says under 'responses' nothing of '{provider}'. {there}")
    section: Mapping[str, Any] = sections[provider]
    try:
        mapping = FileTable.model_validate({"files": [file], **section})
    except ValidationError as error:
        text = explain(error, FileTable, node=node, shown=shown, at=("responses", provider))
        raise StudyError(text) from None
    for name in mapping.columns:
        if name not in _KNOWN:
            raise StudyError(
                f"{shown}, responses.{provider}: no column '{name}'. {known_names(name, _KNOWN)}"
            )
    if not {"message_id", "to"} & set(mapping.columns):
        raise StudyError(
            f"{shown}, responses.{provider} needs message_id, where the provider echoes ours, or to, the "
            "address that it sent to."
        )
    return mapping


def _frame(rows: ir.Table, mapping: FileTable) -> pd.DataFrame:
    empty = {name: ibis.null("string") for name in _KNOWN if name not in (*responses.TIMES, *rows.columns)}
    empty |= {name: ibis.null("timestamp(6)") for name in responses.TIMES if name not in rows.columns}
    wanted = rows.mutate(**empty).filter(rows._left_out.isnull()).order_by("_file", "_row")
    frame: pd.DataFrame = wanted.select(*_KNOWN, problem="_problem", raw="_raw").to_pyarrow().to_pandas()
    codes = mapping.columns["failed_reason"].codes if "failed_reason" in mapping.columns else None
    reason = frame["failed_reason"]
    unknown = reason.notna() & ~reason.isin(set((codes or {}).values()))
    return frame.assign(
        unknown_code=unknown & (codes is not None), failed_reason=reason.where(reason != DELIVERED)
    )
