"""The panel: recounted customer by customer, nothing of the future in it, edges to the microsecond."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.errors import DataError, StudyError
from crm_utils.features import customer_summary
from crm_utils.methods.churn import churn_panel, longest_horizon, plan_cutoffs
from crm_utils.methods.churn.cutoffs import known_cutoffs

AS_OF = dt.date(2024, 6, 30)
CUTOFFS = [dt.date(2024, 3, 1), dt.date(2024, 3, 20), dt.date(2024, 5, 31), AS_OF]
HORIZON, ACTIVE = 14, 40
GIVEN: dict[str, Any] = {"cutoffs": CUTOFFS, "as_of": AS_OF, "horizon_days": HORIZON, "active_days": ACTIVE}
LABELS = [
    "followed_days", "next_in_days", "orders_ahead", "spend_ahead", "lapse", "defection", "partial_defection"
]  # fmt: skip


def orders(rows: list[dict[str, Any]]) -> ir.Table:
    kinds = [("order_id", pa.string()), ("customer_id", pa.string()), ("ordered_at", pa.timestamp("us"))]
    kinds += [("amount", pa.decimal128(18, 2)), ("discount", pa.decimal128(18, 2)), ("lines", pa.int64())]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=pa.schema(kinds)))


def order(customer: str | None, at: str, amount: str = "10.00", lines: int = 1) -> dict[str, Any]:
    moment = dt.datetime.fromisoformat(at)
    return {"order_id": f"{customer} {at}", "customer_id": customer, "ordered_at": moment,
            "amount": Decimal(amount), "discount": Decimal("1.00"), "lines": lines}  # fmt: skip


def frame(table: ir.Table) -> pd.DataFrame:
    rows: pd.DataFrame = table.to_pyarrow().to_pandas()
    return rows.sort_values(["customer_id", "cutoff"], ignore_index=True)


def some_orders(seed: int, customers: int = 40) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(customers):
        for day in rng.integers(0, 182, 1 + rng.poisson(rng.gamma(1.0, 9.0))):
            at = dt.datetime(2024, 1, 1) + dt.timedelta(days=int(day), seconds=int(rng.integers(0, 86400)))
            row = order(f"c{k}", at.isoformat(), str(Decimal(int(rng.integers(-400, 9000))) / 100))
            rows.append(row | {"lines": int(rng.integers(1, 9)), "order_id": str(len(rows))})
    return rows


def recount(rows: list[dict[str, Any]], cutoff: dt.date) -> pd.DataFrame:
    """The definitions once more, in plain Python, a customer at a time."""
    counted = []
    for customer in sorted({r["customer_id"] for r in rows}):
        mine = [(r["ordered_at"].date(), r) for r in rows if r["customer_id"] == customer]
        bought = sorted(day for day, r in mine if r["amount"] >= 0)
        past, ahead = [d for d in bought if d <= cutoff], [d for d in bought if cutoff < d <= AS_OF]
        if not past or (cutoff - past[-1]).days >= ACTIVE:
            continue
        days = {
            w: cutoff - dt.timedelta(days=k * HORIZON) for k, w in ((1, "short"), (2, "middle"), (3, "long"))
        }
        row: dict[str, Any] = {"customer_id": customer, "recency_days": (cutoff - past[-1]).days}
        for w, since in days.items():
            inside = [r for d, r in mine if since < d <= cutoff]
            row[f"orders_{w}"] = sum(r["amount"] >= 0 for r in inside)
            row[f"spend_{w}"] = float(sum(r["amount"] for r in inside))
        row["basket_lines"] = sum(r["lines"] for r in inside if r["amount"] >= 0) / max(row["orders_long"], 1)
        row["tenure_days"] = min((cutoff - past[0]).days, 3 * HORIZON)
        row["order_trend"] = row["orders_short"] / row["orders_long"] if row["orders_long"] else None
        horizon = [r for d, r in mine if cutoff < d <= cutoff + dt.timedelta(days=HORIZON)]
        row["next_in_days"] = (ahead[0] - cutoff).days if ahead else None
        row["spend_ahead"] = float(sum(r["amount"] for r in horizon))
        row["lapse"] = int(not any(r["amount"] >= 0 for r in horizon))
        row["defection"] = int(not ahead or (ahead[0] - cutoff).days > 3 * HORIZON)
        counted.append(row)
    return pd.DataFrame(counted)


def test_every_row_is_recounted() -> None:
    rows = some_orders(1)
    panel = frame(churn_panel(orders(rows), **GIVEN))
    for cutoff in CUTOFFS:
        mine = panel[panel["cutoff"] == cutoff].reset_index(drop=True)
        again = recount(rows, cutoff).sort_values("customer_id", ignore_index=True)
        for name in again.columns:
            if (name in ("spend_ahead", "lapse") and cutoff == AS_OF) or (
                name == "defection" and (AS_OF - cutoff).days < 3 * HORIZON
            ):
                assert mine[name].isna().all()
            elif name not in ("spend_middle", "orders_ahead"):
                kind = None if name == "customer_id" else float
                pd.testing.assert_series_equal(
                    mine[name].astype(kind or str), again[name].astype(kind or str)
                )


def test_rhythm_is_that_of_the_customer_summary_as_of_the_cutoff() -> None:
    known = orders(some_orders(2))
    panel = frame(churn_panel(known, **GIVEN))
    for cutoff in CUTOFFS:
        summary = frame(customer_summary(known, as_of=cutoff).mutate(cutoff=ibis.date(str(cutoff))))
        both = panel[panel["cutoff"] == cutoff].merge(summary, on="customer_id", suffixes=("", "_summary"))
        assert len(both) == (panel["cutoff"] == cutoff).sum() > 20
        assert both["rhythm_days"].tolist() == pytest.approx(both["rhythm_days_summary"].tolist(), rel=1e-12)


@given(
    seed=st.integers(0, 10_000),
    cutoff=st.sampled_from(CUTOFFS[:-1]),
    how=st.sampled_from(["drop", "add", "move"]),
)
@settings(max_examples=12, deadline=None)
def test_what_comes_after_a_cutoff_changes_no_feature(seed: int, cutoff: dt.date, how: str) -> None:
    rng = np.random.default_rng(seed)
    rows = some_orders(3, customers=25)
    past = [r for r in rows if r["ordered_at"].date() <= cutoff]
    later = [r for r in rows if r["ordered_at"].date() > cutoff]
    if how == "drop":
        changed = past
    elif how == "add":
        new = dt.datetime.combine(cutoff + dt.timedelta(days=1), dt.time())
        changed = rows + [order(f"c{k}", new.isoformat(), "99.00") for k in range(0, 40, 3)]
    else:
        days = rng.integers(1, 29, len(later))
        moved = [dt.datetime.combine(cutoff, dt.time(9)) + dt.timedelta(days=int(d)) for d in days]
        changed = past + [
            r | {"ordered_at": at, "amount": -r["amount"]} for r, at in zip(later, moved, strict=True)
        ]
    before, after = (frame(churn_panel(orders(t), **GIVEN | {"cutoffs": [cutoff]})) for t in (rows, changed))
    pd.testing.assert_frame_equal(before.drop(columns=LABELS), after.drop(columns=LABELS))
    assert how != "drop" or after["next_in_days"].isna().all()  # the change was seen where it may be


def lines(rows: list[dict[str, Any]]) -> ir.Table:
    kept = [
        {k: r[k] for k in ("order_id", "customer_id", "ordered_at", "amount")}
        | {"store_id": f"s{k % 3}", "discount_by_others": Decimal(k % 2)}
        | {"quantity": Decimal(1 if r["amount"] >= 0 else -1)}
        for k, r in enumerate(rows)
    ]
    kinds = [("order_id", pa.string()), ("customer_id", pa.string()), ("ordered_at", pa.timestamp("us"))]
    kinds += [("amount", pa.decimal128(18, 2)), ("store_id", pa.string())]
    kinds += [("discount_by_others", pa.decimal128(18, 2)), ("quantity", pa.decimal128(18, 3))]
    return ibis.memtable(pa.Table.from_pylist(kept, schema=pa.schema(kinds)))


def messages(answered: list[str | None]) -> ir.Table:
    rows = [{"customer_id": "ann", "sent_at": dt.datetime(2024, 3, 1, 9), "held_out": k == 3,
             "clicked_at": None, "redeemed_at": None if at is None else dt.datetime.fromisoformat(at)}
            for k, at in enumerate(answered)]  # fmt: skip
    kinds = [("customer_id", pa.string()), ("sent_at", pa.timestamp("us")), ("held_out", pa.bool_())]
    kinds += [("clicked_at", pa.timestamp("us")), ("redeemed_at", pa.timestamp("us"))]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=pa.schema(kinds)))


def test_an_answer_counts_from_the_day_it_came() -> None:
    bought = orders([order("ann", "2024-02-25 10:00"), order("bob", "2024-02-25 10:00")])
    sent = messages(["2024-03-01 23:59:59", "2024-03-02 00:00:00", None, "2024-03-01 10:00"])
    panel = frame(churn_panel(bought, **GIVEN | {"cutoffs": CUTOFFS[:2]}, messages=sent))
    counts = panel.set_index(["customer_id", "cutoff"])[["messages", "answers"]]
    assert counts.loc[("ann", CUTOFFS[0])].tolist() == [3, 1]  # the one held out was never sent
    assert counts.loc[("ann", CUTOFFS[1])].tolist() == [3, 2]
    assert counts.loc["bob"].eq(0).all().all()


def test_stores_and_coupons_are_counted_over_the_long_window() -> None:
    rows = some_orders(4)
    panel = frame(churn_panel(orders(rows), **GIVEN, order_lines=lines(rows)))
    since = CUTOFFS[1] - dt.timedelta(days=3 * HORIZON)
    inside = pd.DataFrame(rows).assign(
        store=[k % 3 for k in range(len(rows))], coupon=[k % 2 for k in range(len(rows))]
    )
    day = inside["ordered_at"].dt.date
    inside = inside[(day > since) & (day <= CUTOFFS[1]) & (inside["amount"] >= 0)].groupby("customer_id")
    mine = panel[panel["cutoff"] == CUTOFFS[1]].set_index("customer_id")
    again = inside.agg(stores=("store", "nunique"), coupon=("coupon", "mean")).reindex(mine.index)
    assert mine["stores"].tolist() == again["stores"].fillna(0).tolist()
    assert mine["coupon_share"].dropna().tolist() == pytest.approx(again["coupon"].dropna().tolist())


def test_edges_to_the_microsecond() -> None:
    rows = [order("ann", "2024-03-01 23:59:59.999999"), order("ann", "2024-03-15 23:59:59.999999"),
            order("bob", "2024-03-01 00:00:00"), order("bob", "2024-03-16 00:00:00"),
            order("late", "2024-03-02 00:00:00"), order(None, "2024-03-01 10:00"),
            order("returner", "2024-03-01 10:00", "-5.00")]  # fmt: skip
    panel = frame(churn_panel(orders(rows), **GIVEN | {"cutoffs": CUTOFFS[:1]})).set_index("customer_id")
    assert panel.index.tolist() == ["ann", "bob"]
    assert panel["lapse"].tolist() == [0, 1]
    assert panel["next_in_days"].tolist() == [14, 15]
    assert panel["recency_days"].tolist() == [0, 0]


def test_a_return_in_the_horizon_is_no_purchase_and_lowers_spend() -> None:
    rows = [order("ann", "2024-02-25 10:00"), order("ann", "2024-03-05 10:00", "-4.00")]
    panel = frame(churn_panel(orders(rows), **GIVEN | {"cutoffs": CUTOFFS[:1]})).iloc[0]
    assert panel[["lapse", "orders_ahead", "spend_ahead"]].tolist() == [1, 0, -4.0]


def test_partial_defection_is_less_than_half_the_usual_spend_of_who_still_buys() -> None:
    usual = [f"2024-0{m}-10 10:00" for m in (1, 2)]
    rows = [order(c, at, "60.00") for c in ("half", "less", "gone", "new") for at in usual[c == "new" :]]
    rows += [order("half", "2024-03-05 10:00", "10.00"), order("less", "2024-03-05 10:00", "9.99")]
    rows += [order("new", "2024-03-05 10:00", "1.00")]
    panel = frame(churn_panel(orders(rows), **GIVEN | {"cutoffs": CUTOFFS[:1]})).set_index("customer_id")
    defected = panel["partial_defection"]  # spend of the three horizons before: 60, so 20 in each
    assert [defected[c] for c in ("half", "less", "gone")] == [0, 1, 0]
    assert pd.isna(defected["new"])


def test_what_is_missing_in_orders_is_missing_in_the_panel_and_nothing_else() -> None:
    known = orders(some_orders(5)).drop("discount", "lines")
    columns = churn_panel(known, **GIVEN).columns
    assert not {"discount_share", "basket_lines", "stores", "messages", "segment"} & set(columns)
    named = ibis.memtable(pa.table({"customer_id": ["c1"], "cutoff": [CUTOFFS[0]], "segment": ["Loyal"]}))
    with_names = frame(churn_panel(known, **GIVEN, segments=named))
    assert len(with_names) == len(frame(churn_panel(known, **GIVEN)))
    assert with_names["segment"].notna().sum() <= 1


def test_nobody_there_yet_is_an_empty_panel() -> None:
    early = GIVEN | {"cutoffs": [dt.date(2023, 1, 1)]}
    assert frame(churn_panel(orders(some_orders(6)), **early)).empty


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"horizon_days": 0}, "horizon_days is 0. Give at least one day."),
        ({"active_days": 0}, "active_days is 0. Give at least one day."),
        ({"cutoffs": []}, "There is no cut-off to look back from. Give at least one day."),
        ({"cutoffs": [dt.date(2024, 7, 1)]}, "The cut-off 2024-07-01 lies after as_of 2024-06-30."),
    ],
)
def test_requests_that_make_no_sense_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        churn_panel(orders(some_orders(7)), **GIVEN | change)


def test_cutoffs_are_laid_backwards_and_each_has_its_task() -> None:
    plan = plan_cutoffs(dt.date(2017, 1, 1), dt.date(2017, 12, 31), horizon_days=28)
    assert [len(days) for days in (plan.labelled, plan.validate, plan.test)] == [10, 2, 3]
    assert plan.labelled[-1] + dt.timedelta(days=28) == plan.score_on
    assert plan.labelled[0] - dt.timedelta(days=3 * 28) >= dt.date(2016, 12, 31)
    assert (*plan.validate, *plan.test) == plan.labelled[-5:]
    for day in (*plan.validate, *plan.test):
        learnt = known_cutoffs(plan.labelled, day, label_days=28)
        assert len(learnt) >= 2  # one to learn from, a later one to calibrate on
        assert max(learnt) + dt.timedelta(days=28) <= day


@pytest.mark.parametrize("days", range(28, 400, 31))
def test_the_longest_horizon_just_fits(days: int) -> None:
    last = dt.date(2024, 1, 1) + dt.timedelta(days=days - 1)
    longest = longest_horizon(dt.date(2024, 1, 1), last)
    plan = plan_cutoffs(dt.date(2024, 1, 1), last, horizon_days=longest)
    assert len(plan.labelled) >= 4
    assert len(known_cutoffs(plan.labelled, plan.validate[0], label_days=longest)) >= 2
    with pytest.raises(DataError, match=f"Set horizon_days to at most {longest}, or load more history"):
        plan_cutoffs(dt.date(2024, 1, 1), last, horizon_days=longest + 1)


def test_a_horizon_of_no_day_is_refused() -> None:
    with pytest.raises(StudyError, match="horizon_days is 0. A lapse needs at least one day"):
        plan_cutoffs(dt.date(2024, 1, 1), AS_OF, horizon_days=0)
