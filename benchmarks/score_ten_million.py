"""Score ten million customers in batches: how long, how much memory?

A panel of one cut-off is copied until it has ten million rows; the model learnt from the real ones.
Run: python benchmarks/score_ten_million.py [rows]
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import tempfile
import time
from pathlib import Path

import grow
import ibis
import numpy as np

from crm_utils.methods import churn
from crm_utils.run.results import write_table

ROWS = 10_000_000
AS_OF, HISTORY_STARTS = dt.date(2017, 12, 31), dt.date(2017, 1, 1)
STAKES = churn.Stakes(0.1, 0.3, 1.0, 0.1, 0.25, 28)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        con = ibis.duckdb.connect(
            folder / "work.duckdb", memory_limit="2.2GB", threads=2, temp_directory=folder / "spill"
        )
        grow.write_orders(folder / "orders.parquet", 1)
        plan = churn.plan_cutoffs(HISTORY_STARTS, AS_OF, horizon_days=28)
        panel = churn.churn_panel(
            con.read_parquet(folder / "orders.parquet"),
            cutoffs=plan.all,
            as_of=AS_OF,
            horizon_days=28,
            active_days=84,
        ).cache()
        frame = churn.panel_frame(panel)
        model = churn.learn_by(frame, plan, AS_OF, name="logistic")
        today = panel.filter(panel.cutoff == ibis.date(str(AS_OF)))
        count = rows // int((frame["cutoff"] == AS_OF).sum())
        many = today.cross_join(ibis.range(0, count, 1).unnest().name("copy").as_table())
        many = many.mutate(customer_id=many.customer_id + "-" + many.copy.cast("string")).drop("copy").cache()
        past = frame[frame["cutoff"] < AS_OF]
        models = churn.Models(model, model, None, churn.fit_spend(past), churn.find_evidence(past))
        cuts = np.quantile(model.predict(frame[frame["cutoff"] == AS_OF]), np.arange(1, 10) / 10)
        scoring = churn.Scoring(models, STAKES, cuts, cuts[-1], 0.0, "many", AS_OF, 0.2)
        start = time.perf_counter()
        kept = write_table(con, folder, "scores", scoring.batches(many))
        seconds = time.perf_counter() - start
        print(f"{seconds:8.1f} s  {kept['rows']:,} customers scored, with reasons, and written")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.2f} GB")


if __name__ == "__main__":
    main()
