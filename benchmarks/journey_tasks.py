"""Events to counted paths, against a plain grouping of the same events by customer; Markov's algebra."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

__all__ = ["markov_ours", "paths_bare", "paths_ours", "write_events"]

Timed = Callable[..., int]
DAY = dt.date(2025, 12, 31)
_SOURCES = ("naver", "google", "instagram", "kakao", "direct", "app")


def write_events(path: str, events: int) -> None:
    """Draw touches and orders: ten a customer in a year, one in eight an order."""
    import duckdb

    names = ", ".join(f"'{name}'" for name in _SOURCES)
    with duckdb.connect(config={"threads": 2, "memory_limit": "3GB"}) as con:
        con.execute(f"""
            COPY (SELECT 'c' || hash(i) % {max(events // 10, 1)} AS customer_id,
                TIMESTAMP '2025-01-01' + to_seconds((hash(i + 7) % 31000000)::BIGINT) AS at,
                [{names}][1 + (hash(i + 13) % {len(_SOURCES)})::INT] AS touch, hash(i + 29) % 8 = 0 AS ordered
            FROM range({events}) t(i)) TO '{path}' (FORMAT parquet)""")


def paths_ours() -> Timed:
    """Touches and orders to counted paths, brought home."""
    import ibis
    import pandas as pd  # noqa: F401 Arrow imports it at the first frame

    from crm_utils.engine import connect
    from crm_utils.methods.customer_journey import touch_paths

    def run(path: str) -> int:
        rows = connect().read_parquet(path)
        touched = rows.filter(~rows.ordered).select("customer_id", "at", "touch", message=ibis.literal(False))
        bought = rows.filter(rows.ordered).select(
            "customer_id", order_id=rows.touch, ordered_at=rows["at"],
            amount=ibis.literal(1).cast("decimal(18, 2)"), kept=ibis.literal(True),
        )  # fmt: skip
        counted = touch_paths(touched, bought, lookback_days=28, as_of=DAY)
        return int(len(counted.to_pyarrow()) > 0)

    return run


def paths_bare() -> Timed:
    """The same rows grouped by customer, their touches collected in order of time."""
    import pandas as pd  # noqa: F401

    from crm_utils.engine import connect

    def run(path: str) -> int:
        rows = connect().read_parquet(path)
        per = rows.group_by("customer_id").aggregate(
            path=rows.touch.group_concat(" > ", order_by=rows["at"]), n=rows.count()
        )
        return int(len(per.to_pyarrow()) > 0)

    return run


def markov_ours() -> Timed:
    """Credit of 1,000 channels from 6,000 paths, which are drawn within the time."""
    import numpy as np
    import pandas as pd

    from crm_utils.methods.customer_journey import markov_credit

    def run(path: str) -> int:
        rng = np.random.default_rng(6)
        names = np.array([f"c{k:04d}" for k in range(1000)])
        rows = [" > ".join(rng.choice(names, rng.integers(1, 8))) for _ in range(6000)]
        paths = pd.DataFrame({"path": rows, "converted": rng.random(6000) < 0.3, "paths": 1})
        return len(markov_credit(paths.astype({"converted": int})))

    return run
