"""What is a purchase? Neither a return nor an order sent back whole; by hand, and on Online Retail."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
import pytest

from crm_utils import engine
from crm_utils.features import customer_summary, is_purchase, shop_facts
from crm_utils.methods.segmentation import totals
from crm_utils.tables import orders

AS_OF = dt.date(2024, 3, 1)
Line = tuple[str, str | None, str, str, float, float]


def lines_of(rows: list[Line]) -> ibis.Table:
    """Order lines from (order, customer, product, day, quantity, amount)."""
    names = ["order_id", "customer_id", "product_id", "ordered_at", "quantity", "amount"]
    frame = pd.DataFrame(rows, columns=names).assign(discount=0, channel="web")
    money = dict.fromkeys(["amount", "discount"], "decimal(18, 2)")
    return ibis.memtable(frame).cast(money | {"ordered_at": "timestamp(6)", "quantity": "decimal(18, 3)"})


def purchases(rows: list[Line]) -> dict[str, bool]:
    seen = orders(lines_of(rows))
    return {
        r["order_id"]: r["bought"] for r in seen.mutate(bought=is_purchase(seen)).to_pyarrow().to_pylist()
    }


def bought(order: str, customer: str, day: str, amount: float = 50) -> Line:
    return (order, customer, "shirt", day, 1, amount)


def back(order: str, customer: str, day: str, amount: float = 50) -> Line:
    return (order, customer, "shirt", day, -1, -amount)


@pytest.mark.parametrize(("lines", "kept"), [
    ([("shirt", 1, 50)], True),
    ([("shirt", 1, 50), ("shirt", -1, -50)], False),  # sent back whole
    ([("shirt", 1, 50), ("shirt", -1, -49.99)], False),  # … but for a cent
    ([("shirt", 1, 50), ("shirt", -1, -45)], False),  # … and the shop kept a fee
    ([("shirt", 2, 100), ("shirt", -1, -50)], True),  # one of two is kept
    ([("shirt", 1, 50), ("hat", 1, 20), ("hat", -1, -20)], True),  # the shirt is kept
    ([("shirt", 1, 50), ("refund", -1, -50)], False),  # the refund is booked under a product of its own
    ([("hat", -2, -20), ("shirt", 1, 50)], True),  # a till: two old hats back, a shirt taken along
    ([("shirt", 1, 50), ("coupon", 1, -50)], True),  # coupons alone paid it
    ([("shirt", 1, 0)], True),  # given away
    ([("shirt", 0, 0)], True),  # a line without pieces, as Complete Journey has
    ([("shirt", -1, -50)], False),  # a return
])  # fmt: skip
def test_what_is_kept_is_a_purchase(lines: list[tuple[str, float, float]], kept: bool) -> None:
    rows: list[Line] = [("1", "ann", product, "2024-01-05", n, amount) for product, n, amount in lines]
    assert purchases(rows) == {"1": kept}


RETURNS = [
    bought("1", "keeps", "2024-01-05"), bought("2", "keeps", "2024-02-05"),
    bought("3", "none_kept", "2024-01-05"), back("3", "none_kept", "2024-01-20"),
    bought("4", "none_kept", "2024-02-05"), back("4", "none_kept", "2024-02-10"),
    bought("5", "once", "2024-01-05"),
    bought("6", "one_kept", "2024-01-05"), bought("7", "one_kept", "2024-02-05"),
    back("7", "one_kept", "2024-02-10"),
]  # fmt: skip


def test_an_order_sent_back_whole_is_no_purchase_and_its_money_nets_to_nothing() -> None:
    seen = orders(lines_of(RETURNS))
    summary = customer_summary(seen, as_of=AS_OF)
    by = {r["customer_id"]: r for r in summary.to_pyarrow().to_pylist()}
    assert {c: (r["orders"], r["recency_days"], float(r["revenue"])) for c, r in by.items()} == {
        "keeps": (2, 25, 100), "once": (1, 56, 50), "one_kept": (1, 56, 50),
    }  # fmt: skip
    overall = totals(seen, summary)
    assert (overall.customers, overall.purchases, overall.revenue) == (3, 4, 200)
    assert (overall.returners, overall.returners_revenue) == (1, 0)
    assert overall.repeat_rate == pytest.approx(1 / 3)
    facts = shop_facts(lines_of(RETURNS), as_of=AS_OF)
    assert (facts.orders, facts.returns, facts.customers, facts.repeat_customers) == (4, 3, 3, 1)


def test_two_receipts_of_a_day_are_not_coming_back() -> None:
    rows: list[Line] = [(str(k), "split", "p", "2024-01-05", 1, 20) for k in range(3)]
    rows += [("4", "twice", "p", "2024-01-05", 1, 20), ("5", "twice", "p", "2024-02-05", 1, 20)]
    rows += [("6", "once", "p", "2024-01-09", 1, 20)]
    seen = orders(lines_of(rows))
    summary = customer_summary(seen, as_of=AS_OF)
    frequency = {r["customer_id"]: r["orders"] for r in summary.to_pyarrow().to_pylist()}
    assert frequency == {"split": 3, "twice": 2, "once": 1}, "frequency stays purchases"
    assert totals(seen, summary).repeat_rate == pytest.approx(1 / 3)


NETTED = """
CREATE TABLE l AS SELECT InvoiceNo o, CustomerID c, StockCode s, InvoiceDate t, Quantity q,
    CAST(Quantity * CAST(UnitPrice AS DECIMAL(18, 3)) AS DECIMAL(18, 2)) a, InvoiceNo LIKE 'C%' back
FROM '{path}' WHERE CustomerID IS NOT NULL;
CREATE TABLE n AS WITH bo AS (SELECT c, s, t, max(o) o FROM l WHERE NOT back GROUP BY ALL)
SELECT o, c, s, t, q, a FROM l WHERE NOT back
UNION ALL SELECT coalesce(bo.o, r.o), r.c, r.s, r.t, r.q, r.a
FROM (FROM l WHERE back) r ASOF LEFT JOIN bo ON r.c = bo.c AND r.s = bo.s AND r.t >= bo.t
"""


@pytest.mark.slow
def test_online_retail_agrees_with_sql_of_its_own(golden: Callable[[str], Path]) -> None:
    con = engine.connect()
    con.raw_sql(NETTED.format(path=golden("online_retail.parquet")))
    lines = con.table("n").select(
        order_id="o", customer_id="c", product_id="s", ordered_at="t", quantity="q", amount="a",
        discount=ibis.literal(0), channel=ibis.literal("web"),
    )  # fmt: skip
    seen = orders(lines).cache()
    summary = customer_summary(seen, as_of=dt.date(2011, 12, 9))
    overall = totals(seen, summary)
    sql = """
    WITH g AS (SELECT o, s, sum(q) q FROM n GROUP BY ALL), k AS (SELECT o, max(q) q FROM g GROUP BY o),
    w AS (SELECT o, any_value(c) c, min(t)::DATE d, sum(a) a, sum(q) q, bool_or(q < 0 OR a < 0) b
          FROM n GROUP BY o),
    p AS (SELECT w.* FROM w JOIN k USING (o)
          WHERE a >= 0 AND NOT (b AND (k.q <= 0 OR (w.q <= 0 AND a = 0)))),
    e AS (SELECT c, count(*) f, count(DISTINCT d) AS dd FROM p GROUP BY c)
    SELECT count(*), sum(f), avg((dd >= 2)::INT), avg((f >= 2)::INT),
        (SELECT count(*) FROM w WHERE a >= 0) - sum(f) FROM e
    """
    customers, purchases, repeat, by_receipts, sent_back = con.raw_sql(sql).fetchone()
    assert (overall.customers, overall.purchases) == (customers, purchases)
    assert overall.repeat_rate == pytest.approx(repeat)
    assert repeat < by_receipts, "some receipts of one day were split"
    assert sent_back > 100, "some orders were sent back whole"
