"""Push, in-app messages and e-mail by a system of one's own: who, when, which text, as a CSV."""

from __future__ import annotations

from collections.abc import Iterator

from crm_utils.people.forms.base import Batch, Form, as_csv

__all__ = ["EMAIL", "IN_APP", "PUSH"]

_MEGABYTES, _ROWS = 500, 10_000_000


def _write(batch: Batch, first: str) -> Iterator[tuple[str, str]]:
    header = [first, "send_at", "variant", "template", "subject", "text", "message_id"]
    rows = (
        [row["to"], row["send_at"].strftime("%Y-%m-%dT%H:%M:%S"), row["action"], row["template"],
         row["subject"], row["text"], row["message_id"]]
        for row in batch.rows.to_dict("records")
    )  # fmt: skip
    yield "", as_csv(header, rows, megabytes=_MEGABYTES, most=_ROWS)


def _by_id(batch: Batch) -> Iterator[tuple[str, str]]:
    yield from _write(batch, "customer_id")


def _by_address(batch: Batch) -> Iterator[tuple[str, str]]:
    yield from _write(batch, "email")


PUSH = Form("push", ("push", "app_push"), "id", _by_id)
IN_APP = Form("in_app", ("in_app",), "id", _by_id)
EMAIL = Form("email", ("email",), "email", _by_address)
