"""Alimtalk and brand messages: NHN Cloud's upload, Naver SENS' and Solapi's calls.

An alimtalk's text is registered at the provider; a list brings its variables. SENS wants the whole text,
which must then be the registered one to the letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_utils.errors import DataError
from crm_utils.people.forms.base import Batch, Form, as_csv, as_json, do_not_fit

__all__ = ["NHN_ALIMTALK", "NHN_BRAND_MESSAGE", "SENS", "SOLAPI"]

_CALL = 100
"""Messages in one call of SENS."""
_MEGABYTES, _ROWS = 30, 1_000_000
"""Of one upload to NHN Cloud."""
_NHN = {"recipient": "수신번호"}


def _check(batch: Batch) -> None:
    """What Kakao's channels hold to: the longest text, and how many variables."""
    rule = batch.rules.channel(batch.channel)
    most = rule.characters if rule else None
    lengths = sorted(len(text) for text in batch.rows["text"] if most and len(text) > most)
    if lengths:
        limit, letters = f"characters of {most}", max(lengths) - (most or 0)
        said: dict[str, Any] = {"where": batch.channel, "limit": limit, "letters": letters}
        raise DataError(do_not_fit(lengths, what="text", instead="shorten", **said))


def _nhn(batch: Batch) -> Iterator[tuple[str, str]]:
    _check(batch)
    first = batch.settings.get("recipient", _NHN["recipient"])
    echo = batch.settings.get("echo")
    header = [first, *batch.variables, *([echo] if echo else [])]
    rows = (
        [row["to"], *batch.values(row).values(), *([row["message_id"]] if echo else [])]
        for row in batch.rows.to_dict("records")
    )
    yield "", as_csv(header, rows, megabytes=_MEGABYTES, most=_ROWS)


def _sens(batch: Batch) -> Iterator[tuple[str, str]]:
    _check(batch)
    template = batch.scenario.template
    messages = []
    for row in batch.rows.to_dict("records"):
        message: dict[str, Any] = {"to": row["to"], "content": row["text"], "useSmsFailover": False}
        if "failover_from" in batch.settings:
            failover = {"type": "LMS", "from": batch.settings["failover_from"], "content": row["text"]}
            message |= {"useSmsFailover": True, "failoverConfig": failover}
        messages.append(message)
    for number, start in enumerate(range(0, len(messages), _CALL), start=1):
        call = {
            "plusFriendId": batch.settings["plus_friend_id"],
            "templateCode": template.id if template else "",
            "messages": messages[start : start + _CALL],
            "reserveTime": batch.when.strftime("%Y-%m-%d %H:%M"),
        }
        yield f"-{number:04}", as_json(call)


def _solapi(batch: Batch) -> Iterator[tuple[str, str]]:
    _check(batch)
    template = batch.scenario.template
    messages = [
        {
            "to": row["to"],
            "from": batch.settings["from"],
            "kakaoOptions": {
                "pfId": batch.settings["pf_id"],
                "templateId": template.id if template else "",
                "variables": {f"#{{{name}}}": text for name, text in batch.values(row).items()},
            },
            "customFields": {"message_id": row["message_id"]},
        }
        for row in batch.rows.to_dict("records")
    ]
    yield "", as_json({"messages": messages, "scheduledDate": batch.when.strftime("%Y-%m-%d %H:%M:%S")})


_HINT = "Compare the header with the file that the provider lets you download for this template."
NHN_ALIMTALK = Form("nhn_alimtalk", ("alimtalk",), "phone", _nhn, template=True, hint=_HINT)
NHN_BRAND_MESSAGE = Form("nhn_brand_message", ("brand_message",), "phone", _nhn, template=True, hint=_HINT)
SENS = Form(
    "sens",
    ("alimtalk",),
    "phone",
    _sens,
    ending="json",
    settings=("plus_friend_id",),
    template=True,
    text=True,
)
SOLAPI = Form(
    "solapi", ("alimtalk", "brand_message"), "phone", _solapi, ending="json", settings=("from", "pf_id"),
    template=True,
)  # fmt: skip
