"""Every form that a list is handed over in: a file that is looked at, and what does not fit is refused."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pandas as pd
import pytest

from crm_utils.errors import CrmError, DataError, StudyError
from crm_utils.methods.campaign_targeting import Rules, Scenario
from crm_utils.people.forms import FORMS, Batch
from crm_utils.people.forms.base import bytes_of
from crm_utils.people.texts import filled

RULES = Rules(
    country="KR", valid_from="2024-01-01",
    mark={"first": "(광고)", "last": "무료거부 {number}", "number": "080-123", "never": ["[광고]"]},
    channels={"sms": {"bytes": 90}, "lms": {"bytes": 2000, "subject_bytes": 40}, "alimtalk": {"kind":
    "informational", "characters": 20}, "email": {}, "app_push": {}, "in_app": {}, "brand_message":
    {"characters": 1300}},
)  # fmt: skip
SETTINGS = {"from": "0212345678", "pf_id": "PF1", "plus_friend_id": "@shop", "campaign_id": "701000000000001"}


def scenario(text: str = "{name}, hi", **changed: Any) -> Scenario:
    plain = {
        "id": "cart", "title": "Cart", "class": "informational", "anchor": {"order": "last"},
        "channels": ["sms"],
        "template": {"id": "T1", "text": text, "subject": "Hello", "variables": {"name": "name"}},
    }  # fmt: skip
    return Scenario(**(plain | changed))


def people(*names: str) -> pd.DataFrame:
    n = len(names)
    return pd.DataFrame({
        "customer_id": [f"c{k}" for k in range(n)], "message_id": [f"m{k}" for k in range(n)],
        "scenario": "cart", "template": "T1", "action": "remind",
        "send_at": pd.Timestamp("2024-03-01 10:00"), "holdout": False,
        "name": list(names), "to": [f"0101234000{k}" for k in range(n)],
        "email": [f"{k}@x.kr" for k in range(n)], "phone": [f"+82101234000{k}" for k in range(n)],
    })  # fmt: skip


def written(form: str, rows: pd.DataFrame, one: Scenario, channel: str) -> dict[str, str]:
    ready = filled(rows, one, RULES, channel, whole=True)
    batch = Batch(ready, one, RULES, channel, SETTINGS)
    return dict(FORMS[form].write(batch))


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_a_text_message_says_that_it_is_advertising_and_how_to_refuse_it() -> None:
    one = scenario(**{"class": "advertising"})
    (text,) = written("sms", people("김"), one, "sms").values()
    assert cells(text) == [
        ["to", "from", "type", "contentType", "subject", "content", "message_id"],
        ["01012340000", "0212345678", "SMS", "AD", "Hello", "(광고)김, hi\n무료거부 080-123", "m0"],
    ]
    (text,) = written("sms", people("김"), scenario(), "lms").values()
    assert cells(text)[1][2:6] == ["LMS", "COMM", "Hello", "김, hi"]


def test_texts_that_do_not_fit_are_counted_in_bytes_of_cp949() -> None:
    """'{name}' alone: Hangul counts two; NFD and NFC are one letter; 90 bytes fit to the byte."""
    fits = people("가" * 45, "a" * 90, "\u1100\u1161" * 45)
    assert len(cells(next(iter(written("sms", fits, scenario("{name}"), "sms").values())))) == 4
    long = people("가" * 47, "a" * 97, "가" * 50 + "a", "b")
    said = "3 texts do not fit SMS: 94, 97, 101 bytes of 90; use LMS, or shorten by 6 letters."
    with pytest.raises(DataError, match=said):
        written("sms", long, scenario("{name}"), "sms")
    with pytest.raises(DataError, match="1 text holds letters that SMS cannot carry: 😀"):
        written("sms", people("😀"), scenario("{name}"), "sms")
    long_subject = {"id": "T", "text": "x", "subject": "가" * 21}
    with pytest.raises(DataError, match="1 subject does not fit LMS: 42 bytes of 40; shorten by 1 letter"):
        written("sms", people("a"), scenario(template=long_subject), "lms")
    assert bytes_of("뷁") == 2


def test_an_alimtalk_upload_holds_number_and_variables() -> None:
    (text,) = written("nhn_alimtalk", people("김", "이"), scenario(), "alimtalk").values()
    assert cells(text) == [["수신번호", "name"], ["01012340000", "김"], ["01012340001", "이"]]
    said = "1 text does not fit alimtalk: 24 characters of 20; shorten by 4 letters."
    with pytest.raises(DataError, match=said):
        written("nhn_alimtalk", people("k" * 20), scenario(), "alimtalk")
    (text,) = written("nhn_brand_message", people("김"), scenario(), "brand_message").values()
    assert cells(text)[1] == ["01012340000", "김"]


def test_sens_takes_a_hundred_a_call_and_the_whole_text() -> None:
    calls = written("sens", people(*["김"] * 201), scenario(), "alimtalk")
    assert [len(json.loads(text)["messages"]) for text in calls.values()] == [100, 100, 1]
    call = json.loads(calls["-0003"])
    assert call == {
        "plusFriendId": "@shop", "templateCode": "T1", "reserveTime": "2024-03-01 10:00",
        "messages": [{"to": "0101234000200", "content": "김, hi", "useSmsFailover": False}],
    }  # fmt: skip


def test_solapi_names_variables_with_its_marks_and_echoes_the_message() -> None:
    (text,) = written("solapi", people("김"), scenario(), "alimtalk").values()
    assert json.loads(text)["messages"] == [{
        "to": "01012340000", "from": "0212345678",
        "kakaoOptions": {"pfId": "PF1", "templateId": "T1", "variables": {"#{name}": "김"}},
        "customFields": {"message_id": "m0"},
    }]  # fmt: skip


def test_tools_get_one_kind_of_id_and_never_a_consent() -> None:
    (braze,) = written("braze", people("김"), scenario(), "email").values()
    assert cells(braze) == [
        ["external_id", "scenario", "template", "send_at", "message_id", "name"],
        ["01012340000", "cart", "T1", "2024-03-01T10:00:00", "m0", "김"],
    ]
    (klaviyo,) = written("klaviyo", people("김"), scenario(), "email").values()
    assert cells(klaviyo)[0][:3] == ["email", "phone_number", "external_id"]
    assert cells(klaviyo)[1][:3] == ["0@x.kr", "+821012340000", "c0"]
    assert "consent" not in klaviyo
    (hackle,) = written("hackle", people("김"), scenario(), "app_push").values()
    assert cells(hackle) == [["userId"], ["01012340000"]]


def test_salesforce_ids_have_15_or_18_characters() -> None:
    rows = people("김", "이").assign(to=["003000000000001AAA", "00Q000000000001"])
    (text,) = written("salesforce", rows, scenario(), "email").values()
    assert cells(text) == [
        ["CampaignId", "ContactId", "LeadId", "Status"],
        ["701000000000001", "003000000000001AAA", "", "Sent"],
        ["701000000000001", "", "00Q000000000001", "Sent"],
    ]
    with pytest.raises(DataError, match="1 of 2 customers have an id that is none of Salesforce's"):
        written("salesforce", rows.assign(to=["003", "00Q000000000001"]), scenario(), "email")


@pytest.mark.parametrize(
    ("form", "channel"), [("push", "app_push"), ("in_app", "in_app"), ("email", "email")]
)
def test_one_s_own_systems_get_who_when_and_the_text(form: str, channel: str) -> None:
    one = scenario(**{"class": "advertising"})
    (text,) = written(form, people("김"), one, channel).values()
    said = dict(zip(*cells(text), strict=True))
    assert said["send_at"] == "2024-03-01T10:00:00"
    assert said["subject"].startswith("(광고)") == (form == "email")
    assert said["text"].startswith("(광고)") == (form == "push")


@pytest.mark.parametrize("bad", ["=HYPERLINK(1)", "@x", "-10%", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run_is_refused_and_never_changed(bad: str) -> None:
    with pytest.raises(DataError, match="1 of 2 cells of 'name' begin like a formula"):
        written("nhn_alimtalk", people("김", bad), scenario("hi"), "alimtalk")
    solapi = written("solapi", people(bad), scenario("hi"), "alimtalk")
    assert bad in next(iter(solapi.values()))  # JSON is opened by no spreadsheet


@pytest.mark.parametrize(
    ("changed", "message", "kind"),
    [
        ({"template": {"id": "T", "text": "{product}", "variables": {"product": "item"}}},
         "Variable 'product' is empty for 12 of 900 customers; give a default or leave them out.", DataError),
        ({"template": {"id": "T", "text": "x", "variables": {"a": "nothing"}}},
         "takes 'nothing', which neither", StudyError),
        ({"template": {"id": "T", "text": "[광고] x"}, "class": "advertising"},
         "holds '\\[광고\\]'", StudyError),
        ({"template": {"id": "T"}}, "has no text for sms", StudyError),
        ({"template": None}, "has no text for sms", StudyError),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_written_is_refused(changed: dict, message: str, kind: type[CrmError]) -> None:
    rows = people(*["김"] * 900).assign(item=["shoe"] * 888 + [""] * 12)
    with pytest.raises(kind, match=message):
        filled(rows, scenario(**changed), RULES, "sms", whole=True)


def test_empty_variables_get_their_default_or_leave_out_whom_they_are_empty_for() -> None:
    rows = people("김", "이").assign(item=["shoe", None])
    template = {"id": "T", "text": "{p}", "variables": {"p": {"column": "item", "default": "news"}}}
    said = filled(rows, scenario(template=template), RULES, "sms", whole=True)
    assert said["text"].tolist() == ["shoe", "news"]
    template["variables"] = {"p": {"column": "item", "leave_out": True}}
    assert filled(rows, scenario(template=template), RULES, "sms", whole=True)["name"].tolist() == ["김"]


def test_a_text_may_hold_what_looks_like_a_place_in_a_customers_words() -> None:
    said = filled(people("{name}"), scenario(), RULES, "sms", whole=True)
    assert said["text"].tolist() == ["{name}, hi"]
