"""Tasks of :mod:`tasks` about what customers answer: counts of scores, and who answers; by pandas too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

__all__ = ["counts_ours", "counts_pandas", "response_ours", "response_pandas", "write_answers"]

Timed = Callable[..., int]
LAST = dt.date(2024, 12, 31)

_FEEDBACK = """
    SELECT 'f' || n AS feedback_id, 'c' || hash(n) % {customers} AS customer_id, 'o' || n AS order_id,
        TIMESTAMP '2024-01-01' + to_seconds((hash(n, 1) % 30_000_000)::INTEGER) AS submitted_at,
        CASE hash(n, 2) % 3 WHEN 0 THEN 'nps' WHEN 1 THEN 'csat' ELSE 'review' END AS kind,
        CASE WHEN hash(n, 2) % 3 = 0 THEN hash(n, 3) % 11 ELSE 1 + hash(n, 3) % 5 END::BIGINT AS score
    FROM range({answers}) AS t(n)"""
_ASKED = """
    SELECT 'c' || hash(n) % {customers} AS customer_id, 'o' || n AS order_id,
        CASE hash(n, 2) % 3 WHEN 0 THEN 'nps' WHEN 1 THEN 'csat' ELSE 'review' END AS kind,
        TIMESTAMP '2024-01-01' + to_seconds((hash(n, 1) % 30_000_000)::INTEGER) - INTERVAL 1 DAY AS asked_at,
        CASE hash(n, 4) % 2 WHEN 0 THEN 'email' ELSE 'sms' END AS channel
    FROM range({asked}) AS t(n)"""
_ORDERS = """
    SELECT 'o' || n AS order_id, 'c' || hash(n) % {customers} AS customer_id,
        TIMESTAMP '2024-01-01' + to_seconds((hash(n, 1) % 30_000_000)::INTEGER)
            - INTERVAL 3 DAY AS ordered_at,
        10.0::DECIMAL(18, 2) AS amount, 1.0::DECIMAL(18, 3) AS quantity, true AS kept
    FROM range({asked}) AS t(n)"""


def write_answers(folder: str, millions: float) -> None:
    """So many million answers of a quarter as many customers, one request more for each two, their orders."""
    import duckdb

    answers = int(millions * 1e6)
    size = {"answers": answers, "customers": max(answers // 4, 1), "asked": answers * 3 // 2}
    with duckdb.connect() as con:
        for name, query in (("feedback", _FEEDBACK), ("asked", _ASKED), ("orders", _ORDERS)):
            con.execute(f"COPY ({query.format(**size)}) TO '{folder}/{name}.parquet' (FORMAT parquet)")


def counts_ours() -> Timed:
    """Answers by month, kind and score, and the sums over customers that their intervals need."""
    from crm_utils.engine import connect
    from crm_utils.methods.feedback import measure_scores, score_counts

    def run(folder: str) -> int:
        rows = connect().read_parquet(f"{folder}/feedback.parquet")
        rows = rows.mutate(month=rows.submitted_at.strftime("%Y-%m"))
        return len(measure_scores(score_counts(rows, ["month"]).to_pandas(), ["month"]))

    return run


def counts_pandas() -> Timed:
    """The same counts and sums on a pandas frame; the scores themselves come out of a handful of rows."""
    import numpy as np
    import pandas as pd

    from crm_utils.methods.feedback import measure_scores

    def run(folder: str) -> int:
        rows = pd.read_parquet(f"{folder}/feedback.parquet")
        rows["month"] = rows["submitted_at"].dt.strftime("%Y-%m")
        net = (rows["score"] >= 9).astype(int) - (rows["score"] <= 6).astype(int)
        satisfied = (rows["score"] >= 4).astype(int)
        rows["s"] = np.select(
            [rows["kind"] == "nps", rows["kind"] == "csat"], [net, satisfied], rows["score"]
        )
        each = rows.groupby(["month", "kind", "customer_id"])["s"].agg(["size", "sum"])
        each = each.assign(
            nn=each["size"] ** 2, sn=each["size"] * each["sum"], ss=each["sum"] ** 2, customers=1
        )
        sums = each.groupby(["month", "kind"])[["customers", "nn", "sn", "ss"]].sum()
        counts = rows.groupby(["month", "kind", "score"]).size().rename("answers").reset_index()
        return len(measure_scores(counts.merge(sums.reset_index(), on=["month", "kind"]), ["month"]))

    return run


def response_ours() -> Timed:
    """Requests beside their answers and what was bought before; response rate and weights by raking."""
    from crm_utils.engine import connect
    from crm_utils.methods.feedback import response_of

    def run(folder: str) -> int:
        con = connect()
        asked, feedback, orders = (
            con.read_parquet(f"{folder}/{name}.parquet") for name in ("asked", "feedback", "orders")
        )
        result = response_of(asked, feedback, orders, as_of=LAST)
        assert result is not None
        return int(result.answered)

    return run


def response_pandas() -> Timed:
    """Who answered, how many orders before, and the time between the last two, on pandas frames."""
    import pandas as pd

    def run(folder: str) -> int:
        asked, feedback, orders = (
            pd.read_parquet(f"{folder}/{name}.parquet") for name in ("asked", "feedback", "orders")
        )
        asked = asked[asked["asked_at"] < pd.Timestamp(LAST) - pd.Timedelta(days=29)]
        both = asked.merge(
            feedback[["order_id", "kind", "submitted_at", "score"]], on=["order_id", "kind"], how="left"
        )
        late = (both["submitted_at"].dt.normalize() - both["asked_at"].dt.normalize()).dt.days
        both.loc[~late.between(0, 30), "score"] = float("nan")
        days = orders.assign(day=orders["ordered_at"].dt.normalize())[
            ["customer_id", "day"]
        ].drop_duplicates()
        past = both[["customer_id", "order_id", "asked_at"]].merge(days, on="customer_id")
        past = past[past["day"] <= past["asked_at"]].sort_values(["order_id", "day"])
        past["gap"] = past.groupby("order_id")["day"].diff().dt.days
        known = past.groupby("order_id").agg(orders=("day", "size"), gap=("gap", "last"))
        cells = both.merge(known, left_on="order_id", right_index=True, how="left")
        groups = [
            pd.cut(cells["orders"], [0, 1, 3, 9, 9999]),
            pd.cut(cells["gap"], [-1, 30, 90, 999]),
            "channel",
        ]
        cells.groupby(groups, observed=True)["score"].agg(["size", "count"])
        return int(both["score"].notna().sum())

    return run
