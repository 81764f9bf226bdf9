"""Ours and peers side by side in one run, several times in turn: writes RESULTS.md. See ``nox -s bench``.

Each measurement is a process of its own. POSIX only; takes about 20 minutes, 4 GB of memory, 10 GB of disk.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path

import grow
import psutil
from itemsets import SIZES, itemsets, pairs
from measure import HERE, LIMITS, Aim, Measurement, in_turn, ratio, run, span, task
from report import report

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
    "panel_ours": "**churn_panel**, 12 cut-offs, in memory as Arrow",
    "panel_pandas": "the same in pandas, cut-off after cut-off",
    "effects_ours": "**exact_sums, compare**: four metrics with CUPED",
    "effects_tea_tasting": "tea-tasting on pandas, the same",
    "effects_confidence": "spotify-confidence on pandas, four means without covariate",
    "load_ours": "**loading.load**: hashes, checks of every row, five tables, manifest",
    "itemsets_ours": "**frequent_itemsets**",
    "itemsets_apriori": "mlxtend, apriori (low memory)",
    "itemsets_fpgrowth": "mlxtend, fpgrowth",
    "itemsets_efficient": "efficient-apriori",
    "itemsets_pyfim": "pyfim, fpgrowth (in C)",
    "pairs_ours": "**baskets, frequent_itemsets**",
    "csv_ours": "**loading.load**: every byte hashed and decoded, every line parted, read and checked",
    "csv_bare": "bare DuckDB: CSV to Parquet, types guessed, unchecked",
    "csv_pandas": "pandas: read_csv, to_parquet",
    "load_bare": "bare DuckDB: order_lines alone, the same types, unchecked",
}
GROWING = HERE.parent / "docs" / "growing.md"
MARKS = ("<!-- measured -->", "<!-- /measured -->")
OURS = ["duckdb", "ibis-framework", "pandas", "pyarrow", "numpy", "scikit-learn"]
THEIRS = [
    "lifetimes", "openretailscience", "mlxtend", "efficient-apriori", "pyfim", "tea-tasting",
    "spotify-confidence", "pandas", "duckdb",
]  # fmt: skip
HEAD = "| who | seconds | CPU seconds | peak, GB | times ours |\n|---|---|---|---|---|"


def main() -> None:
    given = _arguments()
    started, before = dt.datetime.now(dt.UTC), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        folder = Path(name)
        made = given.made or folder
        sections = {
            "summaries": lambda: summaries(folder, made, given.peers, given.sizes),
            "loading": lambda: loading(folder),
            "churn": lambda: churn(folder),
            "csv": lambda: csv_files(folder, given.csv),
            "report": lambda: report(folder, rounds=3),
            "customers": lambda: ten_million(folder),
            "itemsets": lambda: itemsets(folder, made, given.peers, given.baskets, _compared),
            "pairs": lambda: pairs(folder, made, _compared),
            "experiments": lambda: experiments(folder, given.peers),
        }
        parts = []
        for name in given.only or sections:
            busy = os.getloadavg()[0]
            lines, aims = sections[name]()
            lines.append(f"\nLoad average before and after this part: {busy:.1f}, {os.getloadavg()[0]:.1f}.")
            parts.append((lines, aims))
            # After each part, so that a long run that is cut short leaves what it found.
            given.out.write_text(page(machine(started, before, given.peers), parts), encoding="utf-8")


def page(head: list[str], parts: list[tuple[list[str], list[Aim]]]) -> str:
    """RESULTS.md: what it was measured on, aims, and then part by part."""
    aims = [
        f"| {aim.aim} | {aim.found} | {'yes' if aim.met else '**no**'} |"
        for _, found in parts
        for aim in found
    ]
    head += ["\n## Aims\n\n| aim | found | met |\n|---|---|---|", *aims]
    return "\n".join([*head, *(line for section, _ in parts for line in section)]) + "\n"


def growing(ours: dict[int, list[Measurement]]) -> None:
    """Put what was measured into the page on growing, between its marks."""
    rows = [
        f"| {size} million | {statistics.median(m.seconds for m in runs):.1f} | "
        f"{max(m.peak_gb for m in runs):.1f} |"
        for size, runs in ours.items()
    ]
    table = ["| order lines | seconds to a row a customer | peak memory, GB |", "|---|---|---|", *rows]
    text = GROWING.read_text(encoding="utf-8")
    head, rest = text.split(MARKS[0])
    lines = [head + MARKS[0], *table, MARKS[1] + rest.split(MARKS[1])[1]]
    GROWING.write_text("\n".join(lines), encoding="utf-8")


def summaries(folder: Path, made: Path, peers: Path, sizes: list[int]) -> tuple[list[str], list[Aim]]:
    """From order lines in Parquet to a row a customer in memory: time, memory, growth."""
    lines, aims, ours = [_SUMMARIES], [], {}
    grow.write_order_lines(warm := folder / "warm.parquet", 1, only="len(customer_id) = 1")
    for millions in sizes:
        path = made / f"{millions}.parquet"
        if not path.is_file():
            grow.write_order_lines(path, millions)
        tasks = {"summary_ours": sys.executable, "scores_ours": sys.executable}
        if millions <= PEERS_UP_TO:
            tasks |= {"summary_pandas": sys.executable, "summary_lifetimes": peers}
            tasks |= {"scores_openretailscience": peers}
        print(f"{millions} million lines", flush=True)
        found = in_turn(
            {
                name: partial(task, python, name, path, cwd=folder, warm=warm)
                for name, python in tasks.items()
            },
            rounds=ROUNDS.get(millions, 3),
        )
        ours[millions] = found["summary_ours"]
        rows = found["summary_ours"][0].rows
        _agree(found)
        lines += [f"\n### {millions} million lines, {rows:,} customers\n", HEAD]
        lines += _compared(found, "summary_ours") + _compared(found, "scores_ours")
        if millions == PEERS_UP_TO:
            times = statistics.median(ratio(found["summary_lifetimes"], found["summary_ours"]))
            aim = f"customer summary, {millions} million lines: at least 10 times as fast as lifetimes"
            aims.append(Aim(aim, f"{times:.1f} times", times >= 10))
    if sorted(sizes) == sorted(ROUNDS):
        growing(ours)
    growth, found_aims = _growth(ours)
    return lines + growth, aims + found_aims


def loading(folder: Path) -> tuple[list[str], list[Aim]]:
    """Raw files to a checked snapshot, against writing the same file unchecked."""
    lines = [_LOADING]
    for millions in (1, 10):
        source = folder / f"source-{millions}"
        grow.write_source(source, millions)
        print(f"loading {millions} million lines", flush=True)
        found = in_turn(
            {name: partial(_load, name, source, folder) for name in ("load_ours", "load_bare")},
            rounds=ROUNDS[millions],
        )
        _agree(found)
        lines += [f"\n### {millions} million lines\n", HEAD, *_compared(found, "load_ours")]
    return lines, []


def churn(folder: Path) -> tuple[list[str], list[Aim]]:
    """The churn panel from a million orders, with pandas beside it, and from ten; then ten million scores."""
    lines, aims = [_CHURN], []
    grow.write_orders(warm := folder / "warm_orders.parquet", 1, only="len(customer_id) = 1")
    for millions in (10, 100):
        grow.write_orders(path := folder / f"orders-{millions}.parquet", millions)
        names = ("panel_ours", "panel_pandas") if millions <= PEERS_UP_TO else ("panel_ours",)
        tasks = {n: partial(task, sys.executable, n, path, cwd=folder, warm=warm) for n in names}
        found = in_turn(tasks, rounds=3)
        _agree(found)
        rows = found["panel_ours"][0].rows
        lines += [f"\n### Orders of {millions} million lines, {rows:,} rows\n", HEAD]
        lines += _compared(found, "panel_ours")
        if millions <= PEERS_UP_TO:
            times = statistics.median(ratio(found["panel_pandas"], found["panel_ours"]))
            aim = "churn panel of 1 million orders: at least 10 times as fast as pandas"
            aims.append(Aim(aim, f"{times:.1f} times", times >= 10))
    seconds = statistics.median(m.seconds for m in found["panel_ours"])
    peak = max(m.peak_gb for m in found["panel_ours"])
    aims += [
        Aim(
            "churn panel of 12 cut-offs from 10.6 million orders within 30 s",
            f"{seconds:.1f} s",
            seconds <= 30,
        ),
        Aim("the same within 3 GB", f"{peak:.2f} GB", peak <= 3),
    ]
    text, peak, _ = run([sys.executable, "-W", "ignore", str(HERE / "score_ten_million.py")], cwd=folder)
    lines.append(
        f"\n### Ten million customers scored\n\n```\n{text.strip()}\n```\n\nThe process held {peak:.2f} GB."
    )
    return lines, [*aims, Aim("10 million customers scored in less than 4 GB", f"{peak:.2f} GB", peak < 4)]


def csv_files(folder: Path, sizes: list[int]) -> tuple[list[str], list[Aim]]:
    """One CSV file to a snapshot, against the bare engine and pandas."""
    lines, aims = [_CSV], []
    for millions in sizes:
        source = folder / f"csv-{millions}"
        source.mkdir()
        grow.write_csv(source / "orders.csv", millions)
        print(f"CSV of {millions} million lines", flush=True)
        names = ["csv_ours", "csv_bare"] + (["csv_pandas"] if millions <= PEERS_UP_TO else [])
        found = in_turn(
            {name: partial(_load, name, source, folder) for name in names}, rounds=ROUNDS.get(millions, 3)
        )
        shutil.rmtree(source)
        _agree(found)
        lines += [f"\n### {millions} million lines\n", HEAD, *_compared(found, "csv_ours")]
        times = statistics.median(ratio(found["csv_ours"], found["csv_bare"]))
        peak = max(m.peak_gb for m in found["csv_ours"])
        if millions >= PEERS_UP_TO:
            what = f"CSV of {millions} million lines to a snapshot"
            aims += [Aim(f"{what}: within 3 times the bare engine", f"{times:.1f} times", times <= 3)]
            aims += [Aim(f"{what} in less than 6 GB", f"{peak:.2f} GB", peak < 6)]
        if millions == PEERS_UP_TO:
            faster = statistics.median(ratio(found["csv_pandas"], found["csv_ours"]))
            aims += [Aim(f"{what}: at least 5 times as fast as pandas", f"{faster:.1f} times", faster >= 5)]
    return lines, aims


def ten_million(folder: Path) -> tuple[list[str], list[Aim]]:
    """Customers instead of lines: what segment_ten_million.py prints."""
    text, peak, _ = run([sys.executable, "-W", "ignore", str(HERE / "segment_ten_million.py")], cwd=folder)
    lines = [f"\n## Ten million customers\n\n```\n{text.strip()}\n```\n\nThe process held {peak:.2f} GB."]
    return lines, [Aim("10 million customers segmented in less than 4 GB", f"{peak:.2f} GB", peak < 4)]


def experiments(folder: Path, peers: Path) -> tuple[list[str], list[Aim]]:
    """Effects of an experiment on ten million customers: time against peers, memory against a tenth."""
    lines, aims, peaks = [_EXPERIMENTS], [], {}
    grow.write_customers(warm := folder / "warm-customers.parquet", 0.001)
    for millions in (1, 10):
        path = folder / f"customers-{millions}.parquet"
        grow.write_customers(path, millions)
        tasks = {"effects_ours": sys.executable, "effects_tea_tasting": peers, "effects_confidence": peers}
        print(f"{millions} million customers", flush=True)
        found = in_turn(
            {name: partial(task, who, name, path, cwd=folder, warm=warm) for name, who in tasks.items()},
            rounds=3,
        )
        _agree(found)
        peaks[millions] = max(m.peak_gb for m in found["effects_ours"])
        lines += [f"\n### {millions} million customers\n", HEAD, *_compared(found, "effects_ours")]
    for name in ("effects_tea_tasting", "effects_confidence"):
        times = statistics.median(ratio(found[name], found["effects_ours"]))
        aim = f"effects of 10 million customers: at least 10 times as fast as {name.removeprefix('effects_')}"
        aims.append(Aim(aim, f"{times:.1f} times", times >= 10))
    more = peaks[10] - peaks[1]
    flat = Aim("effects: less than 0.5 GB more for ten times the customers", f"{more:.2f} GB", more < 0.5)
    return lines, [*aims, flat]


def machine(started: dt.datetime, before: float, peers: Path) -> list[str]:
    """What these numbers were measured on, and how busy it was."""
    cores, minutes = os.cpu_count(), (dt.datetime.now(dt.UTC) - started).total_seconds() / 60
    memory = psutil.virtual_memory().total / 1024**3
    return [
        _TITLE,
        f"- {started:%Y-%m-%d %H:%M} UTC, {minutes:.0f} minutes",
        f"- {_processor()}, {cores} cores, {memory:.0f} GB; {platform.system()}",
        f"- load average {before:.1f} before and {os.getloadavg()[0]:.1f} at the end: what exceeds the one "
        "or two of the measurement itself is other work on the machine, and slows everyone",
        f"- DuckDB may take {LIMITS['CRM_MEMORY']} and {LIMITS['CRM_THREADS']} threads",
        f"- ours: Python {platform.python_version()}, {_versions(Path(sys.executable), OURS)}",
        f"- peers, in an environment of their own: {_versions(peers, THEIRS)}",
    ]


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers", type=Path, required=True, help="the Python that has the peers")
    options.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100], help="millions of lines")
    options.add_argument("--baskets", type=int, nargs="+", default=[*SIZES], help="baskets, for itemsets")
    options.add_argument("--made", type=Path, help="a folder that keeps the N.parquet between runs")
    options.add_argument("--only", nargs="+", help="parts, by name; all by default")
    options.add_argument("--csv", type=int, nargs="+", default=[1, 10], help="millions of lines; also 100")
    options.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    return options.parse_args()


def _load(name: str, source: Path, folder: Path) -> Measurement:
    target = folder / "loaded"
    try:
        return task(sys.executable, name, source, target, cwd=folder)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _compared(found: dict[str, list[Measurement]], ours: str) -> list[str]:
    kind = ours.split("_")[0]
    rows = []
    for name, runs in found.items():
        if name.startswith(kind):
            times = "" if name == ours else span(ratio(runs, found[ours]))
            cpu = statistics.median(m.cpu_seconds for m in runs)
            peak = max(m.peak_gb for m in runs)
            seconds = span([m.seconds for m in runs], decimals=2)
            rows.append(f"| {WHO[name]} | {seconds} | {cpu:.2f} | {peak:.2f} | {times} |")
    return rows


def _growth(ours: dict[int, list[Measurement]]) -> tuple[list[str], list[Aim]]:
    """The exponent b of seconds ~ lines^b, from the medians at two sizes."""
    if len(ours) < 2:
        return [], []
    middle = {size: statistics.median(m.seconds for m in runs) for size, runs in ours.items()}
    sizes = sorted(middle)
    pairs = list(dict.fromkeys([(sizes[0], sizes[-1]), *pairwise(sizes)]))
    b = {p: math.log(middle[p[1]] / middle[p[0]]) / math.log(p[1] / p[0]) for p in pairs}
    lines = ["\n### Growth of customer_summary\n\nSeconds grow as lines to the power of\n"]
    lines += [f"- {b[p]:.2f} from {p[0]} to {p[1]} million lines" for p in pairs]
    peak = max(m.peak_gb for m in ours[sizes[-1]])
    first, last = pairs[0]
    return lines, [
        Aim(f"growth exponent from {first} to {last} million lines at most 1.05", f"{b[pairs[0]]:.2f}",
            b[pairs[0]] <= 1.05),
        Aim(f"peak memory under 4 GB at {last} million lines", f"{peak:.2f} GB", peak < 4),
    ]  # fmt: skip


def _versions(python: Path, packages: list[str]) -> str:
    say = (
        "import sys, importlib.metadata as m; there = {d.name.lower() for d in m.distributions()}; "
        "print(*(f'{p} {m.version(p)}' for p in sys.argv[1:] if p in there), sep=', ')"
    )
    done = subprocess.run([python, "-c", say, *packages], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _agree(found: dict[str, list[Measurement]]) -> None:
    """All must have made the same number of rows, or they did not do the same work."""
    rows = {name: runs[0].rows for name, runs in found.items()}
    if len(set(rows.values())) > 1:
        raise SystemExit(f"These do not agree on the number of rows: {rows}")


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in told if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


_TITLE = """# Results

Written by `nox -s bench` (`benchmarks/bench.py`), never by hand. Every measurement is a process of its own;
the contenders take turns, round after round; before the clock starts, libraries are imported and the task has
run once on a few lines, loading and the report apart. *Seconds* are
the median and, in brackets, the range; *times ours* is the median and range of the ratios within each
round; *peak* is the most memory that any of the processes held, interpreter and libraries included.
"""
_SUMMARIES = """
## Customer summary

From the table order_lines in Parquet to a row a customer in memory. The lines are Complete Journey's, a
copy of its 2,469 households a million lines, each copy with its own choice of orders, days and amounts
(`grow.py`). Peers are spared what would slow them: amounts reach pandas and lifetimes as floats, and
lifetimes does not bring lines together to orders first, as it has no orders."""
_CSV = """
## A CSV file to a snapshot

Eight columns of text, about 60 bytes a line. Ours looks at every byte for its encoding, hashes the file,
parts each line by the marks that the study declares, counts the lines by themselves, reads each value as
declared, checks each row, and writes Parquet with a manifest. The engine alone guesses types from the first
lines."""
_LOADING = """
## Loading a snapshot

From the source's files to canonical tables. The difference is the price of hashing the inputs, checking every
row against the contract, counting oddities and writing the manifest."""

_CHURN = """
## Churn panel

From orders in Parquet to a row a customer and cut-off: twelve cut-offs four weeks apart, features and labels.
Pandas gets amounts as floats and leaves out half of the labels."""
_EXPERIMENTS = """
## Effects of an experiment

From a row a customer in Parquet (arm, orders and amount, after and before the assignment) to the effects on
conversion, orders, revenue and money an order, each with its covariate. Amounts reach pandas as floats."""

if __name__ == "__main__":
    main()
