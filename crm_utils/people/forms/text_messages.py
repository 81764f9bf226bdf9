"""Text messages of Korean networks: SMS and LMS, whose bytes are counted in cp949 after NFC."""

from __future__ import annotations

import math
from collections.abc import Iterator

from crm_utils.errors import DataError
from crm_utils.people.forms.base import Batch, Form, as_csv, bytes_of, do_not_fit

__all__ = ["SMS"]

_MEGABYTES, _ROWS = 30, 1_000_000
_HEADER = ("to", "from", "type", "contentType", "subject", "content", "message_id")


def _write(batch: Batch) -> Iterator[tuple[str, str]]:
    kind = batch.channel.upper()
    rule = batch.rules.channel(batch.channel)
    charset = rule.charset if rule else "cp949"
    _check(list(batch.rows["text"]), kind, rule.bytes if rule else None, charset, what="text")
    if batch.channel == "lms":
        most = rule.subject_bytes if rule else None
        _check(list(batch.rows["subject"]), kind, most, charset, what="subject")
    content = "AD" if batch.scenario.kind == "advertising" else "COMM"
    rows = (
        [row["to"], batch.settings["from"], kind, content, row["subject"], row["text"], row["message_id"]]
        for row in batch.rows.to_dict("records")
    )
    yield "", as_csv(_HEADER, rows, megabytes=_MEGABYTES, most=_ROWS)


def _check(texts: list[str], kind: str, most: int | None, charset: str, *, what: str) -> None:
    sizes = [bytes_of(text, charset) for text in texts]
    if None in sizes:
        strange = sorted({c for text in texts for c in text if bytes_of(c, charset) is None})
        count = sizes.count(None)
        how_many = f"1 {what} holds" if count == 1 else f"{count} {what}s hold"
        raise DataError(
            f"{how_many} letters that {kind} cannot carry: {' '.join(strange[:5])}. Leave them out."
        )
    long = sorted(size for size in sizes if size is not None and most and size > most)
    if long:
        letters = math.ceil((long[-1] - (most or 0)) / 2)
        instead = "use LMS, or shorten" if kind == "SMS" else "shorten"
        limit = f"bytes of {most}"
        raise DataError(
            do_not_fit(long, what=what, where=kind, limit=limit, instead=instead, letters=letters)
        )


SMS = Form("sms", ("sms", "lms"), "phone", _write, settings=("from",), template=True, text=True)
