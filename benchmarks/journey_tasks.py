"""Events to counted paths and to visits, and Markov's credit: ours and peers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

__all__ = [
    "markov_mam", "markov_ours", "paths_bare", "paths_ours", "visits_ours", "visits_retentioneering",
    "write_events",
]  # fmt: skip

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


def _drawn(channels: int) -> Any:
    """6,000 paths over so many channels: ``path``, ``converted``, ``paths``."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(6)
    names = np.array([f"c{k:04d}" for k in range(channels)])
    rows = [" > ".join(rng.choice(names, rng.integers(1, 8))) for _ in range(6000)]
    return pd.DataFrame({"path": rows, "converted": (rng.random(6000) < 0.3).astype(int), "paths": 1})


def markov_ours() -> Timed:
    """What would be lost without each channel, of their number: the sum of it, in millionths."""
    from crm_utils.methods.customer_journey import markov_credit

    def run(channels: str) -> int:
        paths = _drawn(int(channels))
        return round(1e6 * float(markov_credit(paths)["removal"].sum()))

    return run


def markov_mam() -> Timed:
    """The same of DP6's marketing-attribution-models, which inverts a matrix a channel."""
    from mam.core import MAM

    def run(channels: str) -> int:
        paths = _drawn(int(channels))
        names = {"channels_colname": "path", "journey_with_conv_colname": "converted"}
        mam = MAM(paths, format_type="grouped_journey", occurrences_colname="paths", **names)
        markov = mam.run_markov()
        return round(1e6 * float(markov.metadata["removal_effect"]["removal_effect"].sum()))

    return run


def visits_ours() -> Timed:
    """Events to visits, cut at pauses of 30 minutes, counted."""
    import ibis
    import pandas as pd  # noqa: F401

    from crm_utils.engine import connect
    from crm_utils.methods.customer_journey import sessions

    def run(path: str) -> int:
        rows = connect().read_parquet(path)
        events = rows.select(
            "customer_id", occurred_at=rows["at"], event=rows.touch, session_id=ibis.null("string"),
            event_id=ibis.null("string"),
        )  # fmt: skip
        return int(sessions(events).session.nunique().to_pyarrow().as_py())

    return run


def visits_retentioneering() -> Timed:
    """The same of retentioneering, from a data frame."""
    import os

    os.environ["RETENTIONEERING_NO_TRACK"] = "1"  # else it reports its use over the network
    import pandas as pd
    from retentioneering import Eventstream

    def run(path: str) -> int:
        rows = pd.read_parquet(path, columns=["customer_id", "at", "touch"])
        rows.columns = ["user_id", "timestamp", "event"]
        split = Eventstream(rows).split_sessions(timeout="30m")
        return int(split.to_dataframe()["session_id"].nunique())

    return run
