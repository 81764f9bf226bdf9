"""What is a table here? Columns, types, keys, units, meaning, and what may be known when.

Every source fills these tables and every method reads them. Times are the shop's local wall clock
without a zone; money and quantities are exact decimals; ids are text. A table cut at an ``as_of`` holds
only what was known then: later rows are gone, and so are later values in earlier rows.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir

from crm_utils.errors import StudyError

__all__ = ["TABLES", "AsOf", "Column", "TableSpec", "cut", "orders", "orders_sent_back"]

TEXT, MONEY, QUANTITY = "string", "decimal(18, 2)", "decimal(18, 3)"
TIME, DAY, YES_NO, WHOLE = "timestamp(6)", "date", "boolean", "int64"
SHARE = "decimal(9, 6)"


@dataclass(frozen=True)
class Column:
    """One column: its name, Ibis type, meaning and unit, and whether it may be empty.

    ``later_is_null`` marks a time that becomes null when it lies after ``as_of`` while its row is known;
    ``known_at`` names such a time, from which on this value is known.
    """

    name: str
    type: str
    meaning: str
    unit: str = ""
    required: bool = False
    later_is_null: bool = False
    known_at: str = ""


@dataclass(frozen=True)
class TableSpec:
    """One canonical table: what a row is, its columns, its key, and the column that ``as_of`` cuts.

    ``extra`` allows columns beyond the listed ones (attributes that a study brings along). ``instant`` names
    a column that tells the moment of ``cut``, a day, more exactly where it is filled.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    cut: str
    key: tuple[str, ...] = ()
    extra: bool = False
    instant: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that must be there and must not be empty."""
        return tuple(c.name for c in self.columns if c.required)


_SPECS = (
    TableSpec(
        "order_lines",
        "one product in one order",
        (
            Column("order_id", TEXT, "the order (basket, receipt) the line belongs to", required=True),
            Column("customer_id", TEXT, "who ordered; empty for a guest"),
            Column("product_id", TEXT, "what was ordered", required=True),
            Column("ordered_at", TIME, "when, on the shop's clock", "local time", required=True),
            Column("quantity", QUANTITY, "how much; negative in a return", "pieces or weight", required=True),
            Column("amount", MONEY, "what the shop receives; negative in a return", "money", required=True),
            Column("discount", MONEY, "price reductions paid by the shop, at least 0", "money"),
            Column("discount_by_others", MONEY, "coupons that a manufacturer pays; part of no sum", "money"),
            Column("store_id", TEXT, "the store, or the site"),
            Column("channel", TEXT, "store, web, app, phone"),
        ),
        cut="ordered_at",
        notes=("No key: the same product may stand twice in an order.",),
    ),
    TableSpec(
        "products",
        "one product",
        (
            Column("product_id", TEXT, "the product", required=True),
            Column("name", TEXT, "what a customer would call it"),
            Column("category", TEXT, "the shelf it stands on"),
            Column("subcategory", TEXT, "the kind of product within its category"),
            Column("brand", TEXT, "the brand, or national against private label"),
            Column("unit_price", MONEY, "list price of one", "money"),
            Column("unit_margin", MONEY, "what the shop keeps of one sold at list price", "money"),
            Column("launched_on", DAY, "first day on sale; empty when it was always there", "day"),
        ),
        cut="launched_on",
        key=("product_id",),
    ),
    TableSpec(
        "customers",
        "one customer",
        (
            Column("customer_id", TEXT, "the customer", required=True),
            Column("joined_on", DAY, "first day as a customer, as the shop has it", "day"),
            Column("joined_at", TIME, "the same, as a moment; joined_on is its day", "local time"),
            Column("birth_year", WHOLE, "year of birth", "year"),
            Column("birthday", TEXT, "month and day of birth", "MM-DD"),
            Column("gender", TEXT, "as the shop has it"),
            Column("region", TEXT, "where the customer lives, coarsely"),
            Column("acquisition_channel", TEXT, "how the customer was won"),
            Column("last_active_at", TIME, "last touch on any channel", "local time", later_is_null=True),
        ),
        cut="joined_on",
        key=("customer_id",),
        extra=True,
        instant="joined_at",
        notes=(
            "Not every customer of order_lines need be here: coverage is a result, not an assumption.",
            "Attributes without a date of their own are taken as known on every day; a customer without "
            "joined_on is known on every day.",
        ),
    ),
    TableSpec(
        "campaigns",
        "one campaign",
        (
            Column("campaign_id", TEXT, "the campaign", required=True),
            Column("name", TEXT, "what the shop calls it"),
            Column("kind", TEXT, "the sort of campaign"),
            Column("channel", TEXT, "how it reaches people: mail, email, sms, push"),
            Column("starts_on", DAY, "first day", "day", required=True),
            Column("ends_on", DAY, "last day as planned, known from the start", "day"),
        ),
        cut="starts_on",
        key=("campaign_id",),
    ),
    TableSpec(
        "messages",
        "one message to one customer, or one withheld",
        (
            Column("message_id", TEXT, "the message", required=True),
            Column("campaign_id", TEXT, "the campaign it belongs to"),
            Column("scenario", TEXT, "the automation that sent it"),
            Column("customer_id", TEXT, "who it was for", required=True),
            Column("channel", TEXT, "mail, email, sms, push"),
            Column("kind", TEXT, "informational or advertising"),
            Column("sent_at", TIME, "when it was sent or would have been", "local time", required=True),
            Column("held_out", YES_NO, "withheld at random, to measure the effect", required=True),
            Column("delivered_at", TIME, "when it arrived", "local time", later_is_null=True),
            Column("failed_reason", TEXT, "why it could not be delivered, known when sent"),
            Column("opened_at", TIME, "first opened", "local time", later_is_null=True),
            Column("clicked_at", TIME, "first click", "local time", later_is_null=True),
            Column("redeemed_at", TIME, "first redemption of its offer", "local time", later_is_null=True),
            Column("unsubscribed_at", TIME, "opt-out through it", "local time", later_is_null=True),
            Column("cost", MONEY, "cost of sending", "money"),
            Column("template", TEXT, "the text that was sent"),
            Column("variant", TEXT, "which of several versions, where chance chose one"),
            Column("propensity", SHARE, "chance, before the draw, of what was drawn", "0 to 1"),
            Column("anchor_id", TEXT, "what set it off: a session, an order, a coupon, a customer"),
            Column("fallback_of", TEXT, "the message that did not arrive and that this one stands in for"),
        ),
        cut="sent_at",
        key=("message_id",),
    ),
    TableSpec(
        "assignments",
        "one customer in one experiment",
        (
            Column("experiment_id", TEXT, "the experiment, as the study declares it", required=True),
            Column("customer_id", TEXT, "who was assigned", required=True),
            Column("arm", TEXT, "which treatment, or the control", required=True),
            Column("assigned_at", TIME, "when; what came before is the past", "local time", required=True),
        ),
        cut="assigned_at",
        notes=("No key: one customer in two arms of an experiment is a finding, not a bad row.",),
    ),
    TableSpec(
        "events",
        "one touch on web, app, store, phone or service desk",
        (
            Column("event_id", TEXT, "the event", required=True),
            Column("customer_id", TEXT, "who; empty when nobody is known"),
            Column("session_id", TEXT, "the visit it belongs to"),
            Column("occurred_at", TIME, "when", "local time", required=True),
            Column(
                "event",
                TEXT,
                "what: visit, view, search, cart, checkout, payment_failed, purchase, call, delivered",
                required=True,
            ),
            Column("product_id", TEXT, "the product it was about"),
            Column("source", TEXT, "where the visit came from"),
            Column("medium", TEXT, "how: organic, cpc, email, push, referral"),
            Column("campaign_id", TEXT, "the campaign that brought it"),
        ),
        cut="occurred_at",
        key=("event_id",),
    ),
    TableSpec(
        "consents",
        "one change of a consent",
        (
            Column("customer_id", TEXT, "whose consent", required=True),
            Column("channel", TEXT, "for which channel", required=True),
            Column("advertising", YES_NO, "may advertising be sent from now on", required=True),
            Column("night", YES_NO, "also at night (in Korea 21:00 to 08:00, asked for on its own)"),
            Column("source", TEXT, "where the change was made"),
            Column("changed_at", TIME, "from when it holds", "local time", required=True),
        ),
        cut="changed_at",
    ),
    TableSpec(
        "feedback",
        "one answer, score or review",
        (
            Column("feedback_id", TEXT, "the answer", required=True),
            Column("customer_id", TEXT, "who gave it; empty when anonymous"),
            Column("order_id", TEXT, "the order it is about"),
            Column("submitted_at", TIME, "when", "local time", required=True),
            Column("kind", TEXT, "nps (0 to 10), csat (1 to 5), review (1 to 5), case", required=True),
            Column("score", WHOLE, "the score given, on the scale of its kind"),
            Column("text", TEXT, "what was written"),
            Column("product_id", TEXT, "the product it is about"),
            Column("resolved_at", TIME, "when a case was closed", "local time", later_is_null=True),
            Column("replied_at", TIME, "when a case was first replied to", "local time", later_is_null=True),
        ),
        cut="submitted_at",
        key=("feedback_id",),
    ),
    TableSpec(
        "points",
        "one change of a loyalty balance",
        (
            Column("customer_id", TEXT, "whose balance", required=True),
            Column("occurred_at", TIME, "when", "local time", required=True),
            Column("points", WHOLE, "added; negative when spent or expired", "points", required=True),
            Column("kind", TEXT, "earned, spent, expired, given, opening", required=True),
            Column("expires_at", TIME, "when what was added ends, known from the start", "local time"),
            Column("order_id", TEXT, "the order that earned or spent them"),
        ),
        cut="occurred_at",
        notes=(
            "A ledger that begins later than the points needs what each customer had: a row of kind opening a"
            " customer and day of expiry, dated before the customer's first other row. Without it a balance "
            "falls below 0, and notebook 10 refuses to count. Such points are spent first and owed like "
            "others; as nobody knows when they were issued, the share of new points that is spent is learnt "
            "without them.",
        ),
    ),
    TableSpec(
        "marketing_costs",
        "money spent on a channel in a period",
        (
            Column("starts_on", DAY, "first day of the period", "day", required=True),
            Column("ends_on", DAY, "last day of the period", "day", required=True),
            Column("acquisition_channel", TEXT, "how customers were won with it; empty when for all"),
            Column("cost", MONEY, "money spent in the period, at least 0", "money", required=True),
        ),
        cut="starts_on",
        notes=("A period that is not over at as_of is known whole: use those that are over.",),
    ),
    TableSpec(
        "order_status",
        "one change of an order's state",
        (
            Column("order_id", TEXT, "the order", required=True),
            Column("status", TEXT, "the new state: paid, shipped, delivered, returned, …", required=True),
            Column("occurred_at", TIME, "from when", "local time", required=True),
        ),
        cut="occurred_at",
        notes=("No key: an order can come back to a state that it had before.",),
    ),
    TableSpec(
        "shelf",
        "one change of a product's price or stock",
        (
            Column("product_id", TEXT, "the product", required=True),
            Column("changed_at", TIME, "from when", "local time", required=True),
            Column("price", MONEY, "what one costs from now on", "money"),
            Column("stock", WHOLE, "pieces on hand from now on; below 0 where more were sold", "pieces"),
        ),
        cut="changed_at",
        notes=("An empty price or stock says that it did not change.",),
    ),
    TableSpec(
        "reach",
        "one change of a customer's reachability",
        (
            Column("customer_id", TEXT, "who", required=True),
            Column("channel", TEXT, "by which channel", required=True),
            Column("reachable", YES_NO, "can a message arrive (token, friend, valid number)", required=True),
            Column("changed_at", TIME, "from when it holds", "local time", required=True),
        ),
        cut="changed_at",
        notes=("Reachable is not allowed: what may be sent stands in consents.",),
    ),
    TableSpec(
        "coupons",
        "one coupon of one customer",
        (
            Column("coupon_id", TEXT, "the coupon", required=True),
            Column("customer_id", TEXT, "whose", required=True),
            Column("issued_at", TIME, "when it was given", "local time", required=True),
            Column("expires_at", TIME, "when it ends, known from the start", "local time"),
            Column("redeemed_at", TIME, "when it was used", "local time", later_is_null=True),
            Column("order_id", TEXT, "the order it was used for", known_at="redeemed_at"),
            Column("value", MONEY, "what it takes off; empty where it is a share of the price", "money"),
        ),
        cut="issued_at",
        key=("coupon_id",),
    ),
    TableSpec(
        "asked",
        "one request for feedback",
        (
            Column("customer_id", TEXT, "who was asked", required=True),
            Column("order_id", TEXT, "the order it was about"),
            Column("kind", TEXT, "for what: nps, csat, review", required=True),
            Column("asked_at", TIME, "when", "local time", required=True),
            Column("channel", TEXT, "how"),
        ),
        cut="asked_at",
    ),
    TableSpec(
        "tiers",
        "one change of a customer's tier",
        (
            Column("customer_id", TEXT, "whose", required=True),
            Column("tier", TEXT, "the tier from now on", required=True),
            Column("since", TIME, "from when", "local time", required=True),
        ),
        cut="since",
    ),
    TableSpec(
        "referrals",
        "one referral",
        (
            Column("referrer_id", TEXT, "who referred", required=True),
            Column("customer_id", TEXT, "who was referred", required=True),
            Column("referred_at", TIME, "when", "local time", required=True),
        ),
        cut="referred_at",
        notes=("Referring oneself is a finding, not a bad row.",),
    ),
)
TABLES: dict[str, TableSpec] = {spec.name: spec for spec in _SPECS}


_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:?[0-9]{2}(:?[0-9]{2})?)?")


@dataclass(frozen=True)
class AsOf:
    """The moment from which we look back: the end of a day, or an instant.

    Attributes
    ----------
    before
        Exclusive end: nothing at or after it is known (local wall clock).
    day
        The last day that is known whole or, for an instant, in part.
    """

    before: dt.datetime
    day: dt.date

    @classmethod
    def parse(cls, text: str | dt.date) -> AsOf:
        """Read ``YYYY-MM-DD`` (the day's end) or ``YYYY-MM-DDTHH:MM[:SS]`` (that instant, included).

        Raises
        ------
        StudyError
            The text is neither.

        Examples
        --------
        >>> AsOf.parse("2017-12-31").before
        datetime.datetime(2018, 1, 1, 0, 0)
        """
        wrong = f"as_of '{text}' is not a day. Write YYYY-MM-DD, such as 2017-12-31, or 'latest'."
        try:
            moment = dt.datetime.fromisoformat(str(text))
        except ValueError:
            raise StudyError(wrong) from None
        if moment.tzinfo is not None:
            raise StudyError(f"as_of '{text}' has a zone. Write the shop's local time, without one.")
        if not _MOMENT.fullmatch(str(text)):  # 20171231 and 2017-W52 are ISO as well, and easily misread
            raise StudyError(wrong)
        try:
            if len(str(text)) == len("YYYY-MM-DD"):
                return cls(moment + dt.timedelta(days=1), moment.date())
            return cls(moment + dt.timedelta(microseconds=1), moment.date())
        except OverflowError:
            raise StudyError(wrong) from None

    def __str__(self) -> str:
        """The day, or the instant, as it was written; also the name of a report's folder."""
        if self.before == dt.datetime.combine(self.day, dt.time()) + dt.timedelta(days=1):
            return self.day.isoformat()
        return (self.before - dt.timedelta(microseconds=1)).strftime("%Y-%m-%dT%H%M%S")


def cut(table: ir.Table, spec: TableSpec, as_of: AsOf) -> ir.Table:
    """The table as it was known at ``as_of``: later rows go, later values in earlier rows become null.

    Parameters
    ----------
    table
        Ibis table with the columns of ``spec``.
    spec
        What the table is; names its cut column and the columns that may lie later.
    as_of
        The moment to look back from. A row whose cut column is empty was always known.

    Returns
    -------
    ibis Table
        The same columns in the same order.
    """
    end = ibis.literal(as_of.before, type=TIME)
    moment = table[spec.cut].cast(TIME)
    if spec.instant in table.columns:
        moment = ibis.coalesce(table[spec.instant], moment)
    table = table.filter(moment.isnull() | (moment < end))
    times = {c.name: c.known_at or c.name for c in spec.columns if c.later_is_null or c.known_at}
    times = {name: time for name, time in times.items() if {name, time} <= set(table.columns)}
    return table.mutate(
        **{name: (table[time].cast(TIME) < end).ifelse(table[name], None) for name, time in times.items()}
    )


def orders(order_lines: ir.Table) -> ir.Table:
    """Order lines brought together to a row an order. Cut first: an order can gain lines later.

    Parameters
    ----------
    order_lines
        Ibis table ``order_lines``, cut at ``as_of``.

    Returns
    -------
    ibis Table
        order_id, customer_id (null = guest), ordered_at (of its first line), lines (count), quantity,
        amount and discount (sums, exact decimals), channel, kept (False where goods came back in the order
        and nothing of it was kept).

    Notes
    -----
    Something is kept when more of a product was bought than came back. An order whose pieces and whose money
    both come to nothing is not kept either: its refund is booked under a product of its own. An order
    without a returned line is always kept, also one that coupons paid for wholly.
    """
    t = order_lines
    whole = t.group_by("order_id").agg(
        customer_id=t.customer_id.max(),
        ordered_at=t.ordered_at.min(),
        lines=t.count(),
        quantity=t.quantity.sum().cast(QUANTITY),
        amount=t.amount.sum().cast(MONEY),
        discount=t.discount.sum().cast(MONEY),
        channel=t.channel.max(),
    )
    back = orders_sent_back(t).select(returned_id="order_id")
    both = whole.left_join(back, whole.order_id == back.returned_id)
    return both.select(*whole.columns, kept=both.returned_id.isnull())


def orders_sent_back(order_lines: ir.Table) -> ir.Table:
    """Find the orders of which nothing was kept, by the rule of :func:`orders`: ``order_id``.

    For what is made of lines rather than of orders; pure returns are among them.
    """
    t = order_lines
    # Only orders with a returned line are looked at by product, which are few: the others cost one filter.
    returning = t.filter((t.quantity < 0) | (t.amount < 0)).select("order_id").distinct()
    by = [name for name in ("order_id", "product_id") if name in t.columns]
    # Every line has an order. Saying so makes this another table than the caller's: of one that is named
    # twice in a query DuckDB would first write all lines into memory.
    back = t.filter(t.order_id.notnull()).semi_join(returning, "order_id")
    goods = back.group_by(by).agg(n=back.quantity.sum(), money=back.amount.sum())
    per = goods.group_by("order_id").agg(most=goods.n.max(), pieces=goods.n.sum(), money=goods.money.sum())
    nothing = (per.most <= 0) | ((per.pieces <= 0) & (per.money == 0))
    return per.filter(nothing.fill_null(False)).select("order_id")
