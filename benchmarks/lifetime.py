"""Models of purchases against lifetimes: time, and who ends at the better likelihood."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

import grow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from compared import HEAD, agree, compared
from lifetime_tasks import write_counts
from measure import Aim, in_turn, ratio, task
from written import versions

from crm_utils.features.purchase_likelihoods import Rows, log_likelihood

__all__ = ["lifetime"]

_LIFETIME = """
## Models of purchases

From counts (x, t_x, T) of simulated customers in Parquet to fitted parameters. lifetimes gets a row a
customer, as its documentation shows it, and distinct counts with weights too."""
_PYMC = """{versions} takes a row a customer, and its priors move the parameters a little. It lives in an
environment of its own, and its model has been compiled for another shop before the clock starts."""
_PANEL = """
### The panel of lifetime value

From {millions} million orders in Parquet to a row a customer and origin: seven origins, 45 days apart."""

_SIZES = {"bg_nbd": (1_000_000, 50), "pareto_nbd": (23_570, 5)}
"""Customers, and how many times as fast as lifetimes we aim to be: CDNOW's master file has 23,570."""


def lifetime(folder: Path, peers: Path, pymc: Path | None) -> tuple[list[str], list[Aim]]:
    """BG/NBD on a million customers, Pareto/NBD on as many as CDNOW has, and the panel of ten million."""
    lines, aims = [_LIFETIME], []
    if pymc is not None:
        lines.append(_PYMC.format(versions=versions(pymc, ["pymc-marketing", "pymc"])))
    write_counts(warm := folder / "warm_counts.parquet", 300)
    for model, (customers, aim) in _SIZES.items():
        write_counts(path := folder / f"counts-{customers}.parquet", customers)
        pythons = {f"{model}_ours": Path(sys.executable), f"{model}_lifetimes": peers}
        if model == "bg_nbd":
            pythons |= {"bg_nbd_plain": peers} | ({} if pymc is None else {"bg_nbd_pymc": pymc})
        timings = in_turn(
            {n: partial(task, python, n, path, cwd=folder, warm=warm) for n, python in pythons.items()},
            rounds=3,
        )
        agree(timings)
        lines += [f"\n### {model}, {customers:,} customers\n", HEAD, *compared(timings, f"{model}_ours")]
        reached = {name: _likelihood(model, path, Path(f"{path}.{name}")) for name in pythons}
        ours = reached.pop(f"{model}_ours")
        listed = "".join(
            f", {name.removeprefix(f'{model}_')} {value:,.2f}" for name, value in reached.items()
        )
        lines.append(f"\nLog-likelihood: ours {ours:,.2f}{listed}.")
        for name, theirs in reached.items():
            who = name.removeprefix(f"{model}_")
            times = statistics.median(ratio(timings[name], timings[f"{model}_ours"]))
            what = f"{model}, {customers:,} customers: at least {aim} times as fast as {who}"
            aims.append(Aim(what, f"{times:.1f} times", times >= aim))
            what = f"{model}: never a worse likelihood than {who}"
            aims.append(Aim(what, f"{ours - theirs:+.2f}", ours >= theirs - 0.01))
    return lines + _panel(folder), aims


def _panel(folder: Path) -> list[str]:
    """How long the panel takes; nobody else makes one."""
    grow.write_orders(warm := folder / "warm_orders.parquet", 1, only="len(customer_id) = 1")
    grow.write_orders(path := folder / "orders-100.parquet", 100)
    runs = in_turn(
        {"values_ours": partial(task, sys.executable, "values_ours", path, cwd=folder, warm=warm)}, rounds=3
    )
    millions = f"{pq.read_metadata(path).num_rows / 1e6:.1f}"
    rows = runs["values_ours"][0].rows
    return [_PANEL.format(millions=millions), f"\n{rows:,} rows.\n", HEAD, *compared(runs, "values_ours")]


def _likelihood(model: str, counts: Path, params: Path) -> float:
    """Of parameters in weeks, by one yardstick for both: ours, which tests hold to published numbers."""
    rows = Rows.of(pd.read_parquet(counts), unit_days=7)
    values = np.array([float(v) for v in params.read_text(encoding="utf-8").split(",")])
    return float(log_likelihood(model, values, rows)[0].sum())
