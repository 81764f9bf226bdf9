"""How do contenders stand beside each other? Their names, their rows, and that they did the same work."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from measure import Measurement, ratio, span

__all__ = ["HEAD", "PEERS_UP_TO", "ROUNDS", "WHO", "agree", "compared"]

ROUNDS = {1: 5, 10: 3, 100: 3}
"""Rounds by millions of lines."""
PEERS_UP_TO = 10
"""Millions of lines: peers hold every line as Python objects, and would need more memory than most have."""
WHO = {
    "summary_ours": "**customer_summary**",
    "summary_pandas": "the same in pandas, without the rhythm",
    "summary_lifetimes": "lifetimes, summary_data_from_transaction_data",
    "scores_ours": "**customer_summary, rfm_cuts, rfm_score**",
    "scores_openretailscience": "openretailscience, RFMSegmentation",
    "bg_nbd_ours": "**fit_purchases**, BG/NBD",
    "bg_nbd_lifetimes": "lifetimes, BetaGeoFitter, distinct counts with weights",
    "bg_nbd_plain": "lifetimes, BetaGeoFitter, a row a customer",
    "bg_nbd_pymc": "pymc-marketing, BetaGeoModel, maximum a posteriori",
    "pareto_nbd_ours": "**fit_purchases**, Pareto/NBD",
    "pareto_nbd_lifetimes": "lifetimes, ParetoNBDFitter",
    "panel_ours": "**churn_panel**, 12 cut-offs, in memory as Arrow",
    "panel_pandas": "the same in pandas, cut-off after cut-off",
    "values_ours": "**value_panel**, seven origins, in memory as Arrow",
    "effects_ours": "**exact_sums, compare**: four metrics with CUPED",
    "effects_tea_tasting": "tea-tasting on pandas, the same",
    "means_ours": "**exact_sums, compare**: three means without a covariate",
    "means_confidence": "spotify-confidence on pandas, the same",
    "counts_ours": "**score_counts, measure_scores**, by month",
    "counts_pandas": "the same counts and sums in pandas",
    "response_ours": "**response_of**: requests beside answers and orders, weights by raking",
    "response_pandas": "the same cells in pandas, without weights",
    "fates_ours": "**fates**: which taking ended which points",
    "owed_ours": "**count_points**: checks, fates, liability, looks back",
    "load_ours": "**loading.load**: hashes, checks of every row, five tables, manifest",
    "itemsets_ours": "**frequent_itemsets**",
    "itemsets_apriori": "mlxtend, apriori (low memory)",
    "itemsets_fpgrowth": "mlxtend, fpgrowth",
    "itemsets_efficient": "efficient-apriori",
    "itemsets_pyfim": "pyfim, fpgrowth (in C)",
    "paths_ours": "**touch_paths**",
    "paths_bare": "one grouping by customer, touches in order",
    "visits_ours": "**sessions**",
    "visits_retentioneering": "retentioneering, split_sessions",
    "markov_ours": "**markov_credit**",
    "markov_mam": "marketing-attribution-models, run_markov",
    "weeks_ours": "**weekly_sums, known_weeks**",
    "weeks_bare": "one aggregation of the same orders",
    "pairs_ours": "**baskets, frequent_itemsets**",
    "csv_ours": "**loading.load**: bytes hashed and decoded, lines parted, read, checked, pseudonyms",
    "csv_bare": "bare DuckDB: CSV to Parquet, types guessed, unchecked",
    "csv_pandas": "pandas: read_csv, to_parquet",
    "load_bare": "bare DuckDB: order_lines alone, the same types, unchecked",
}
HEAD = "| who | seconds | CPU seconds | peak, GB | times ours |\n|---|---|---|---|---|"


def compared(timings: Mapping[str, list[Measurement]], ours: str) -> list[str]:
    """Rows of a table: seconds, CPU seconds and peak of each contender, and how many times ours."""
    kind = ours.split("_")[0]
    rows = []
    for name, runs in timings.items():
        if name.startswith(kind):
            times = "" if name == ours else span(ratio(runs, timings[ours]))
            cpu = statistics.median(m.cpu_seconds for m in runs)
            peak = max(m.peak_gb for m in runs)
            seconds = span([m.seconds for m in runs], decimals=2)
            rows.append(f"| {WHO[name]} | {seconds} | {cpu:.2f} | {peak:.2f} | {times} |")
    return rows


def agree(timings: Mapping[str, list[Measurement]]) -> None:
    """All must have made the same number of rows, or they did not do the same work."""
    rows = {name: runs[0].rows for name, runs in timings.items()}
    if len(set(rows.values())) > 1:
        raise SystemExit(f"These do not agree on the number of rows: {rows}")
