"""Tools that send by themselves: Braze, Klaviyo, Salesforce, Hackle take who, and what to say, as a CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm_utils.errors import DataError
from crm_utils.people.forms.base import Batch, Form, as_csv

__all__ = ["BRAZE", "HACKLE", "KLAVIYO", "SALESFORCE"]

_ROWS = 10_000_000
_ATTRIBUTES = ("scenario", "template", "send_at", "message_id")
_SALESFORCE_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_LEAD = "00Q"
"""How the ids of leads begin; those of contacts begin with 003."""


def _attributes(batch: Batch) -> Iterator[list[str]]:
    for row in batch.rows.to_dict("records"):
        moment = row["send_at"].strftime("%Y-%m-%dT%H:%M:%S")
        yield [row["scenario"], row["template"], moment, row["message_id"], *batch.values(row).values()]


def _braze(batch: Batch) -> Iterator[tuple[str, str]]:
    header = ["external_id", *_ATTRIBUTES, *batch.variables]
    rows = ([who, *more] for who, more in zip(batch.rows["to"], _attributes(batch), strict=True))
    yield "", as_csv(header, rows, megabytes=500, most=_ROWS)


def _klaviyo(batch: Batch) -> Iterator[tuple[str, str]]:
    """E-mail and phone in E.164 where they are known; consent is Klaviyo's own and never overwritten."""
    header = ["email", "phone_number", "external_id", *_ATTRIBUTES, *batch.variables]
    people = zip(batch.rows["email"], batch.rows["phone"], batch.rows["customer_id"], strict=True)
    rows = ([*who, *more] for who, more in zip(people, _attributes(batch), strict=True))
    yield "", as_csv(header, rows, megabytes=50, most=_ROWS)


def _salesforce(batch: Batch) -> Iterator[tuple[str, str]]:
    wrong = sum(not _SALESFORCE_ID.fullmatch(one) for one in batch.rows["to"])
    if wrong:
        raise DataError(
            f"{wrong} of {len(batch.rows)} customers have an id that is none of Salesforce's: those have "
            "15 or 18 "
            "letters and digits. Name the column of ContactId under 'person' as contact."
        )
    header = ["CampaignId", "ContactId", "LeadId", "Status"]
    status = batch.settings.get("status", "Sent")
    rows = (
        [batch.settings["campaign_id"], *(("", one) if one.startswith(_LEAD) else (one, "")), status]
        for one in batch.rows["to"]
    )  # fmt: skip
    yield "", as_csv(header, rows, megabytes=100, most=_ROWS)


def _hackle(batch: Batch) -> Iterator[tuple[str, str]]:
    yield "", as_csv(["userId"], ([one] for one in batch.rows["to"]), megabytes=100, most=_ROWS)


_PUSHES = ("push", "app_push", "in_app")
BRAZE = Form("braze", (*_PUSHES, "email", "sms"), "id", _braze)
KLAVIYO = Form("klaviyo", ("email", "sms"), "email or phone", _klaviyo)
SALESFORCE = Form("salesforce", ("email", "mail", "phone"), "contact", _salesforce, settings=("campaign_id",))
HACKLE = Form(
    "hackle",
    _PUSHES,
    "id",
    _hackle,
    hint="Hackle's format is not confirmed: try it with a few customers first.",
)
