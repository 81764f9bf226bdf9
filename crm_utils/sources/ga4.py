"""Google Analytics 4: its BigQuery export as Parquet or JSON Lines; every event, and the lines of purchases.

Source: Google, *BigQuery Export schema* of GA4 properties. An event's parameters are a nested list there;
the few that are asked for become columns. A visitor is a device (``user_pseudo_id``) and, once logged in,
an account (``user_id``): both are hashed, and joined into one customer.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from crm_utils import people
from crm_utils.errors import DataError
from crm_utils.mapping import TableMapping
from crm_utils.people import PeopleOptions
from crm_utils.sources import Decision, Input, Raw, Reading
from crm_utils.sources.files.finding import find_files, format_of
from crm_utils.sources.files.options import FileTable, folder_of
from crm_utils.tools.sql_text import literal, path_literal

__all__ = ["DECISIONS", "VERSION", "Options", "inputs", "read"]

VERSION = 3
DECISIONS = (
    Decision("events", "no id of its own", "event_id is the file and the row: such a file never changes"),
    Decision("events", "times in microseconds since 1970, UTC", "changed to the study's zone"),
    Decision(
        "events",
        "names such as view_item, add_to_cart, session_start",
        "view, cart, visit and so on, as the table has them; other names stay",
    ),
    Decision("events", "page addresses and titles", "not read: an address may hold an e-mail"),
    Decision("events", "source, medium: of the visit, the event, the first visit", "the first that is there"),
    Decision(
        "order_lines",
        "purchases are events with a list of items",
        "an order line an item; its amount is item_revenue, else price times quantity",
    ),
    Decision(
        "order_lines",
        "a purchase is sent again when its page is reloaded",
        "an item of an order at the same place in the list counts once; the others are left out, and counted",
    ),
    Decision("all", "(not set), where Google Analytics has no value", "no value"),
    Decision(
        "order_lines",
        "a purchase without a transaction_id",
        "an order of its own, called as its event: whether it was sent twice cannot be told",
    ),
    Decision("order_lines", "a purchase without items", "one row without a product, set aside"),
)  # fmt: skip
_EVENTS = {
    "view_item": "view", "view_item_list": "view", "page_view": "view", "screen_view": "view",
    "search": "search", "view_search_results": "search", "add_to_cart": "cart",
    "begin_checkout": "checkout",
    "purchase": "purchase", "session_start": "visit",
}  # fmt: skip
_PERSON = {"account": "user_id", "device": "user_pseudo_id"}
_CHANNELS = {"WEB": "web", "IOS": "app", "ANDROID": "app"}
_MAPPINGS: dict[str, dict[str, Any]] = {
    "events": {
        "columns": {
            "event_id": "event_id", "session_id": "session", "product_id": "product", "source": "source",
            "occurred_at": {"column": "event_timestamp", "dates": "epoch_us"}, "medium": "medium",
            "event": {"column": "event_name", "codes": _EVENTS, "other": "keep"}, "campaign_id": "campaign",
        },
    },
    "order_lines": {
        "columns": {
            "order_id": "order_id", "product_id": "product", "quantity": "quantity", "amount": "amount",
            "ordered_at": {"column": "event_timestamp", "dates": "epoch_us"},
            "channel": {"column": "platform", "codes": _CHANNELS, "other": "keep"},
        },
        "duplicates": ["order_id", "position"],
    },
}  # fmt: skip


class Options(BaseModel):
    """The options of ``source: {kind: ga4}``.

    Attributes
    ----------
    folder
        Where the export's files are, as for ``files``.
    files
        Names or patterns of them: Parquet or JSON Lines.
    people
        How people are told apart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    folder: str
    files: Annotated[
        list[str], Field(min_length=1), BeforeValidator(lambda v: [v] if isinstance(v, str) else v)
    ]
    people: PeopleOptions = PeopleOptions()


def inputs(reading: Reading) -> list[Input]:
    """The export's files."""
    options = reading.study.source_options(Options)
    key = people.fingerprint({"events": _PERSON})
    source = FileTable(files=options.files, columns={})
    files = find_files(folder_of(options.folder, reading.root), "events", source)
    for file in files:
        if file.format not in ("parquet", "jsonl") or file.name != str(file.name).removesuffix(".zip"):
            raise DataError(
                f"{file.name} is no GA4 export: Parquet or JSON Lines (.jsonl, .jsonl.gz) are read."
            )
    return [Input(file.path, "events, order_lines", name=file.name, key=key) for file in files]


def read(reading: Reading, inputs: list[Input]) -> Raw:
    """Events, and the order lines of purchases."""
    options, con, scratch = reading.study.source_options(Options), reading.con, reading.scratch
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    limit = f" LIMIT {reading.sample}" if reading.sample else ""
    parts = [f"({_objects(item)}{limit})" for item in inputs]
    con.con.execute(f"CREATE TEMP TABLE ga4 AS {_TYPED} ({' UNION ALL '.join(parts)})")
    raws = {"events": con.sql(_FLAT), "order_lines": con.sql(_ITEMS)}
    persons = dict.fromkeys(raws, _PERSON)
    who = people.identify(con, raws, persons, options.people, scratch)
    mappings = {
        table: TableMapping.model_validate({**mapping, "person": _PERSON})
        for table, mapping in _MAPPINGS.items()
    }
    return Raw(
        {
            table: who.apply(rows, mappings[table], table=table, zone=reading.study.timezone)
            for table, rows in raws.items()
        }
    )


def _objects(item: Input) -> str:
    """A file's rows as JSON objects with their numbers; a line that is no JSON is null."""
    path, name = path_literal(item.path), literal(item.shown)
    if format_of(item.shown) == "parquet":
        rows = (
            "SELECT to_json(t)::JSON AS object, file_row_number + 1 AS _row "
            f"FROM read_parquet({path}, file_row_number = true, hive_partitioning = false) t"
        )
    else:
        rows = (
            "SELECT json AS object, row_number() OVER () AS _row FROM read_json_objects("
            f"{path}, format = 'newline_delimited', ignore_errors = true, maximum_object_size = 67108864, "
            "hive_partitioning = false)"
        )
    return f"SELECT object, _row, {name} AS _file FROM ({rows})"


_SHAPE = """{"event_timestamp": "VARCHAR", "event_name": "VARCHAR", "user_id": "VARCHAR",
 "user_pseudo_id": "VARCHAR", "platform": "VARCHAR",
 "event_params": [{"key": "VARCHAR", "value": {"string_value": "VARCHAR", "int_value": "VARCHAR"}}],
 "ecommerce": {"transaction_id": "VARCHAR", "purchase_revenue": "VARCHAR"},
 "items": [{"item_id": "VARCHAR", "item_name": "VARCHAR", "price": "VARCHAR", "quantity": "VARCHAR",
            "item_revenue": "VARCHAR"}],
 "collected_traffic_source": {"manual_source": "VARCHAR", "manual_medium": "VARCHAR",
                              "manual_campaign_name": "VARCHAR"},
 "traffic_source": {"source": "VARCHAR", "medium": "VARCHAR", "name": "VARCHAR"}}"""
_TYPED = f"""
    SELECT unnest(json_transform(object, '{_SHAPE}')), _row, _file,
        CASE WHEN object IS NULL OR json_type(object) <> 'OBJECT' THEN 'the line is no JSON object' END
            AS _problem
    FROM """


def _parameter(name: str) -> str:
    value = f"list_filter(event_params, lambda p: p.key = '{name}')[1].value"
    return f"coalesce({_set(f'({value}).string_value')}, ({value}).int_value)"


def _set(value: str) -> str:
    """A value, or null where it stands for none."""
    return f"nullif(nullif({value}, '(not set)'), '')"


_FLAT = f"""
    SELECT concat(_file, ':', _row) AS event_id, event_timestamp, event_name,
        {_set("user_id")} AS user_id, user_pseudo_id,
        left(md5(user_pseudo_id || '.' || {_parameter("ga_session_id")}), 20) AS session,
        {_set("items[1].item_id")} AS product,
        coalesce({_set("collected_traffic_source.manual_source")}, {_parameter("source")},
            {_set("traffic_source.source")}) AS source,
        coalesce({_set("collected_traffic_source.manual_medium")}, {_parameter("medium")},
            {_set("traffic_source.medium")}) AS medium,
        coalesce({_set("collected_traffic_source.manual_campaign_name")}, {_parameter("campaign")},
            {_set("traffic_source.name")}) AS campaign,
        _file, _row, _problem
    FROM ga4"""
_ITEMS = f"""
    SELECT coalesce({_set("ecommerce.transaction_id")}, {_parameter("transaction_id")},
            concat(_file, ':', _row)) AS order_id,
        event_timestamp, platform, {_set("user_id")} AS user_id, user_pseudo_id, position,
        {_set("items[position].item_id")} AS product,
        coalesce(items[position].quantity, '1') AS quantity,
        coalesce(items[position].item_revenue,
            (try_cast(items[position].price AS DECIMAL(18, 4))
                * try_cast(coalesce(items[position].quantity, '1') AS DECIMAL(18, 3)))::VARCHAR,
            CASE WHEN position = 0 THEN ecommerce.purchase_revenue END) AS amount,
        _file, _row, NULL::VARCHAR AS _problem
    FROM (SELECT *, unnest(CASE WHEN len(items) > 0 THEN range(1, len(items) + 1) ELSE [0] END) AS position
          FROM ga4 WHERE event_name = 'purchase')"""
