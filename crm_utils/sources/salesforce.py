"""Salesforce: its report exports (CSV, details only) with the labels that a new organisation has.

Contacts become customers, with what their account says; campaigns and their members become campaigns and
messages; cases become feedback. Orders are not standard in Salesforce, so ``orders`` is a table of the
study's own mapping, as in ``files``. Labels that an organisation has renamed are named in ``labels``.

Source: Salesforce, *Object Reference* (Account, Contact, Campaign, CampaignMember, Case): labels of fields.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, model_validator

from crm_utils import people
from crm_utils.mapping import ColumnMap, check_columns
from crm_utils.people import PeopleOptions
from crm_utils.sources import Decision, Input, Raw, Reading, files
from crm_utils.sources.files.finding import find_files
from crm_utils.sources.files.options import FileTable, folder_of
from crm_utils.sources.files.part import Part

if TYPE_CHECKING:
    import ibis.expr.types as ir


__all__ = ["DECISIONS", "VERSION", "Options", "inputs", "read"]

VERSION = 2
DECISIONS = (
    Decision("customers", "a contact belongs to an account", "the contact is the customer; industry and type "
             "of the account stand beside it"),
    Decision("customers", "names, streets, e-mails, phones", "hashed or left out: see docs/privacy.md"),
    Decision("messages", "a campaign member is one person in one campaign", "one message, sent on the day "
             "that the member was added; nobody was held out at random"),
    Decision("messages", "Responded with a day", "clicked_at: the first answer that Salesforce knows of"),
    Decision("feedback", "cases", "feedback of kind case, without score; text is not read: it names people"),
)  # fmt: skip
_PERSON = {
    "contact": "Contact ID", "email": "Email", "phone": "Mobile", "first_name": "First Name",
    "last_name": "Last Name", "address": "Mailing Street",
}  # fmt: skip
_CONTACTS = {
    "joined_on": "Created Date", "region": "Mailing State/Province", "acquisition_channel": "Lead Source",
    "birth_year": {"expression": "year(Birthdate)"}, "account_id": "Account ID",
}  # fmt: skip
_CAMPAIGNS = {
    "campaign_id": "Campaign ID", "name": "Campaign Name", "kind": "Type", "starts_on": "Start Date",
    "ends_on": "End Date",
}  # fmt: skip
_MEMBERS = {
    "message_id": "Campaign Member ID", "campaign_id": "Campaign ID", "sent_at": "Member Created Date",
    "clicked_at": "First Responded Date", "channel": {"constant": "email"}, "held_out": {"constant": False},
    "kind": {"constant": "advertising"},
}  # fmt: skip
_CASES = {
    "feedback_id": "Case Number", "submitted_at": "Date/Time Opened", "resolved_at": "Date/Time Closed",
    "kind": {"constant": "case"},
}  # fmt: skip
#: Labels that few reports have: read where ``labels`` names them.
_SELDOM = ("Date/Time Closed",)
#: The reports, the table that each becomes, what names a person in it, and its columns.
_REPORTS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "contacts": ("customers", _PERSON, _CONTACTS),
    "campaigns": ("campaigns", {}, _CAMPAIGNS),
    "campaign_members": ("messages", {"contact": "Contact ID"}, _MEMBERS),
    "cases": ("feedback", {"contact": "Contact ID"}, _CASES),
}
#: Columns of customers, from the accounts report.
_ACCOUNTS = {"account_industry": "Industry", "account_type": "Type"}


class Options(BaseModel):
    """The options of ``source: {kind: salesforce}``.

    Attributes
    ----------
    folder
        Where the reports are, as for ``files``.
    reports
        For each of accounts, contacts, campaigns, campaign_members, cases its file's name or pattern.
    dates
        How the organisation writes days and times, as in every mapping; its reports follow its locale.
    labels
        Labels that it has renamed: ``{Mobile: Mobile Phone}``; an empty text where its report lacks one.
        ``Date/Time Closed`` of cases is read only where it is named here.
    orders
        Where order lines come from: a table as of ``files``.
    people
        How people are told apart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    folder: str
    reports: dict[str, str]
    dates: list[str] = ["iso"]
    labels: dict[str, str] = {}
    orders: FileTable
    people: PeopleOptions = PeopleOptions()

    @model_validator(mode="after")
    def _known(self) -> Options:
        for report in self.reports:
            if report not in _REPORTS and report != "accounts":
                raise ValueError(f"no report '{report}'; there are: accounts, {', '.join(_REPORTS)}")
        if "accounts" in self.reports and "contacts" not in self.reports:
            raise ValueError("accounts say something of contacts: name the contacts report, too")
        check_columns("order_lines", self.orders)
        return self

    @property
    def tables(self) -> dict[str, FileTable]:
        """Every canonical table as one of files."""
        tables = {"order_lines": self.orders}
        for report, (table, person, columns) in _REPORTS.items():
            if report in self.reports:
                tables[table] = self._table(report, columns, person)
        if "accounts" in self.reports:
            joined = {name: ColumnMap(column=f"Account: {label}") for name, label in _ACCOUNTS.items()}
            customers = tables["customers"]
            tables["customers"] = customers.model_copy(update={"columns": customers.columns | joined})
        return tables

    @property
    def read_as(self) -> dict[str, FileTable]:
        """What is read of the files: contacts without what only accounts say, and the accounts."""
        if "accounts" not in self.reports:
            return self.tables
        table, person, columns = _REPORTS["contacts"]
        contacts = self._table("contacts", columns, person)
        accounts = self._table("accounts", {"account_id": "Account ID", **_ACCOUNTS}, {})
        return self.tables | {table: contacts, "accounts": accounts}

    def _table(self, report: str, columns: dict[str, Any], person: dict[str, str]) -> FileTable:
        mapping = {
            "columns": {k: v for k, column in columns.items() if (v := self._label(column))},
            "person": {k: v for k, label in person.items() if (v := self._label(label))},
            "files": self.reports[report],
            "format": "csv",
            "dates": self.dates,
        }
        return FileTable.model_validate(mapping)

    def _label(self, column: Any) -> Any:
        """The organisation's own label; nothing where its report lacks the column."""
        if isinstance(column, str):
            return self.labels.get(column, "" if column in _SELDOM else column)
        lacks = any(
            not own and label in str(column.get("expression", "")) for label, own in self.labels.items()
        )
        return None if lacks else column


def inputs(reading: Reading) -> list[Input]:
    """The reports, and the files of the orders."""
    options = reading.study.source_options(Options)
    key = people.fingerprint({table: mapping.person for table, mapping in options.tables.items()})
    folder = folder_of(options.folder, reading.root)
    return [
        Input(file.path, table, name=file.name, key=key)
        for table, mapping in options.read_as.items()
        for file in find_files(folder, table, mapping)
    ]


def read(reading: Reading, inputs: list[Input]) -> Raw:
    """Canonical tables of the reports."""
    options = reading.study.source_options(Options)
    parts = files.parts_of(reading, options.read_as, inputs)
    if "accounts" in parts:
        accounts = parts["accounts"].table
        parts["customers"] = _with_accounts(parts["customers"], accounts, options.labels)
    raw = files.mapped(reading, parts, options.tables, options.people)
    if "accounts" in parts:
        raw.rows["accounts"] = parts["accounts"].rows
    return raw


def _with_accounts(contacts: Part, accounts: ir.Table, labels: dict[str, str]) -> Part:
    """Contacts with what the report of accounts says of theirs."""
    account = labels.get("Account ID", "Account ID")
    columns = {f"Account: {label}": accounts[labels.get(label, label)].max() for label in _ACCOUNTS.values()}
    each = accounts.filter(accounts[account].notnull()).group_by(account).agg(**columns)

    def joined(rows: ir.Table) -> ir.Table:
        return rows.left_join(each, account).drop(f"{account}_right")

    numbered = None if contacts.numbered is None else joined(contacts.numbered)
    return replace(contacts, table=joined(contacts.table), numbered=numbered)
