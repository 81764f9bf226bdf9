"""Salesforce reports become customers, campaigns, messages and feedback; orders come by a mapping."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crm_utils import loading
from crm_utils.errors import StudyError
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.study import read_study

STUDY = """\
title: A shop with Salesforce
timezone: Asia/Seoul
currency: KRW
history_starts: 2024-01-01
source:
  kind: salesforce
  folder: raw
  people: {country: "82"}
  dates: ["%m/%d/%Y", "%m/%d/%Y %I:%M %p"]
  labels: {Mobile: Mobile Phone, Birthdate: ""}
  reports:
    accounts: accounts.csv
    contacts: contacts*.csv
    campaigns: campaigns.csv
    campaign_members: members.csv
    cases: cases.csv
  orders:
    files: orders.csv
    columns: {order_id: Order, product_id: Product, ordered_at: Date, quantity: Qty, amount: Amount}
    person: {contact: "Contact ID", email: "Guest"}
"""
REPORTS = {
    "accounts": 'Account ID,Account Name,Industry,Type\nA1,"Quillon, Ltd",Retail,Customer\n'
    "A2,Oostrik,,Partner\n",
    "contacts": "Contact ID,Account ID,First Name,Last Name,Email,Mobile Phone,Mailing Street,"
    "Mailing State/Province,Lead Source,Created Date\n"
    "C1,A1,Zaphira,Quillon,zaphira@example.com,010-8765-4321,Larkspur Lane 7731,Seoul,Web,1/31/2024\n"
    "C2,A2,Wendelmar,Oostrik,,010-2468-1357,,,Referral,2/29/2024\n"
    "C3,,Zaphira,Quillon,Zaphira@Example.com,,,,Web,3/1/2024\n",
    "campaigns": "Campaign ID,Campaign Name,Type,Start Date,End Date\nK1,May,Email,5/1/2024,5/31/2024\n",
    "members": "Campaign Member ID,Campaign ID,Contact ID,Member Created Date,First Responded Date\n"
    "M1,K1,C1,5/1/2024,5/3/2024\nM2,K1,C2,5/1/2024,\nM3,K1,C2,5/2/2024,5/1/2024\n",
    "cases": "Case Number,Contact ID,Date/Time Opened,Subject\n"
    "00001001,C2,5/4/2024 3:05 PM,Zaphira Quillon called\n",
    "orders": "Order,Contact ID,Guest,Product,Date,Qty,Amount\no1,C1,,p1,5/1/2024,1,10\n"
    "o2,,zaphira@example.com,p2,2024-05-02,2,20\no3,C2,,p1,2024-05-03,1,10\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    for folder in ("studies", "raw"):
        (tmp_path / folder).mkdir()
    (tmp_path / "studies" / "sales.yaml").write_text(STUDY, encoding="utf-8")
    for name, text in REPORTS.items():
        (tmp_path / "raw" / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_reports_become_tables_and_every_row_is_accounted_for(root: Path) -> None:
    snapshot, _ = loading.load(root, read_study(root, "sales"))
    tables = snapshot.manifest["tables"]
    counts = {t: (m["read"], m["loaded"], m["left_out"], m["quarantined"]) for t, m in tables.items()}
    assert counts == {
        "order_lines": (3, 2, 0, 1), "customers": (3, 2, 1, 0), "campaigns": (1, 1, 0, 0),
        "messages": (3, 2, 0, 1), "feedback": (1, 1, 0, 0),
    }  # fmt: skip
    read = {item["name"]: item["rows"] for item in snapshot.manifest["inputs"]}
    assert read["accounts.csv"] == 2
    frames = {t: pd.read_parquet(snapshot.path(t)) for t in snapshot.tables}
    people = frames["customers"].sort_values("joined_on", ignore_index=True)
    columns = ["region", "acquisition_channel", "account_id", "account_industry", "account_type"]
    assert people[columns].astype(object).where(people[columns].notna(), None).to_numpy().tolist() == [
        ["Seoul", "Web", "A1", "Retail", "Customer"], [None, "Referral", "A2", None, "Partner"],
    ]  # fmt: skip
    zaphira, wendelmar = people["customer_id"]
    assert frames["messages"].set_index("message_id")["customer_id"].to_dict() == {
        "M1": zaphira,
        "M2": wendelmar,
    }
    assert frames["feedback"]["customer_id"].tolist() == [wendelmar]
    assert str(frames["feedback"]["submitted_at"][0]) == "2024-05-04 15:05:00"
    assert set(frames["order_lines"]["customer_id"]) == {zaphira, wendelmar}
    for path in snapshot.folder.rglob("*.parquet"):
        text = str(pd.read_parquet(path).to_dict("records")).lower()
        assert [word for word in ("zaphira", "quillon", "oostrik", "larkspur", "8765") if word in text] == []


def test_when_a_case_was_closed_is_read_where_the_report_has_it(root: Path) -> None:
    study = STUDY.replace('Birthdate: ""', 'Birthdate: "", Date/Time Closed: Date/Time Closed')
    (root / "studies" / "sales.yaml").write_text(study, encoding="utf-8")
    cases = (
        "Case Number,Contact ID,Date/Time Opened,Date/Time Closed\n1,C2,5/4/2024 3:05 PM,5/6/2024 9:10 AM\n"
    )
    (root / "raw" / "cases.csv").write_text(
        cases + "2,C2,5/4/2024 3:05 PM,5/3/2024 9:10 AM\n", encoding="utf-8"
    )
    snapshot, _ = loading.load(root, read_study(root, "sales"))
    assert [str(at) for at in pd.read_parquet(snapshot.path("feedback"))["resolved_at"]] == [
        "2024-05-06 09:10:00"
    ]
    assert snapshot.manifest["tables"]["feedback"]["quarantined"] == 1


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "    contacts: contacts*.csv\n",
            "",
            "accounts say something of contacts: name the contacts report, too",
        ),
        ("cases: ", "leads: ", "no report 'leads'; there are: accounts, contacts, campaigns"),
        ("amount: Amount", "amont: Amount", "order_lines has no column 'amont'"),
    ],
)
def test_what_a_study_may_get_wrong(root: Path, before: str, after: str, said: str) -> None:
    (root / "studies" / "sales.yaml").write_text(STUDY.replace(before, after), encoding="utf-8")
    with pytest.raises(StudyError, match=r"studies/sales.yaml, line \d+") as error:
        loading.load(root, read_study(root, "sales"))
    assert said in str(error.value)
