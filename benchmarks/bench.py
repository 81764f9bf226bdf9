"""Ours and peers side by side in one run, several times in turn: writes RESULTS.md. See ``nox -s bench``.

Each measurement is a process of its own. POSIX only; takes two hours or so of an idle machine, 8 GB of memory
and 20 GB of disk; ``--only`` measures the parts that it names.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
import statistics
import sys
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path

import grow
from answers import answers
from compared import HEAD, PEERS_UP_TO, ROUNDS, agree, compared
from effects import experiments
from files import csv_files, load_anew
from home import home
from itemsets import SIZES, itemsets, pairs
from journey import journey
from ledger import ledger
from lifetime import lifetime
from measure import HERE, Aim, Measurement, in_turn, ratio, run, task
from panel import churn
from report import report
from weeks import weeks
from whole import whole
from written import keep_part, measured, write_page

GROWING = HERE.parent / "docs" / "growing.md"
MARKS = ("<!-- measured -->", "<!-- /measured -->")


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        folder = Path(name)
        made = given.made or folder
        sections = {
            "summaries": lambda: summaries(folder, made, given.peers, given.sizes),
            "loading": lambda: loading(folder),
            "csv": lambda: csv_files(folder, given.csv),
            "customers": lambda: ten_million(folder),
            "campaigns": lambda: campaigns(folder),
            "itemsets": lambda: itemsets(folder, made, given.peers, given.baskets),
            "pairs": lambda: pairs(folder, made),
            "churn": lambda: churn(folder),
            "weeks": lambda: weeks(folder, made),
            "journey": lambda: journey(folder, given.journeys),
            "lifetime": lambda: lifetime(folder, given.peers, given.pymc),
            "experiments": lambda: experiments(folder, given.peers),
            "feedback": lambda: answers(folder),
            "ledger": lambda: ledger(folder, given.ledger),
            "report": lambda: report(folder, rounds=3),
            "whole": lambda: whole(made, given.sizes),
            "home": lambda: home(made),
        }
        if unknown := set(given.only or ()) - sections.keys():
            raise SystemExit(f"No part {', '.join(sorted(unknown))}. There are: {', '.join(sections)}.")
        for name in given.only or sections:
            started, busy = dt.datetime.now(dt.UTC), os.getloadavg()[0]
            lines, aims = sections[name]()
            keep_part(name, lines, aims, where=measured(started, busy, given.peers))
            # After each part, so that a long run that is cut short leaves what it found.
            write_page(given.out, list(sections))


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
        timings = in_turn(
            {
                name: partial(task, python, name, path, cwd=folder, warm=warm)
                for name, python in tasks.items()
            },
            rounds=ROUNDS.get(millions, 3),
        )
        ours[millions] = timings["summary_ours"]
        rows = timings["summary_ours"][0].rows
        agree(timings)
        lines += [f"\n### {millions} million lines, {rows:,} customers\n", HEAD]
        lines += compared(timings, "summary_ours") + compared(timings, "scores_ours")
        if millions == PEERS_UP_TO:
            times = statistics.median(ratio(timings["summary_lifetimes"], timings["summary_ours"]))
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
        timings = in_turn(
            {name: partial(load_anew, name, source, folder) for name in ("load_ours", "load_bare")},
            rounds=ROUNDS[millions],
        )
        agree(timings)
        lines += [f"\n### {millions} million lines\n", HEAD, *compared(timings, "load_ours")]
    return lines, []


def ten_million(folder: Path) -> tuple[list[str], list[Aim]]:
    """Customers instead of lines: what segment_ten_million.py prints."""
    text, peak, _ = run([sys.executable, "-W", "ignore", str(HERE / "segment_ten_million.py")], cwd=folder)
    lines = [f"\n## Ten million customers\n\n```\n{text.strip()}\n```\n\nThe process held {peak:.2f} GB."]
    return lines, [Aim("10 million customers segmented in less than 4 GB", f"{peak:.2f} GB", peak < 4)]


def campaigns(folder: Path) -> tuple[list[str], list[Aim]]:
    """One day's plan for ten million customers: what plan_ten_million.py prints."""
    script = [sys.executable, "-W", "ignore", str(HERE / "plan_ten_million.py"), "10", str(folder)]
    text, peak, _ = run(script, cwd=folder)
    return campaigns_told(text, peak)


def campaigns_told(text: str, peak: float) -> tuple[list[str], list[Aim]]:
    """The lines of the page, and whether a day takes at most ten minutes and eight GB."""
    minutes = float(next(line for line in text.splitlines() if "one day's plan" in line).split()[0]) / 60
    lines = [f"{_CAMPAIGNS}\n\n```\n{text.strip()}\n```\n\nThe process held {peak:.2f} GB."]
    return lines, [
        Aim(
            "a day's plan for 10 million customers within 10 minutes",
            f"{minutes:.1f} minutes",
            minutes <= 10,
        ),
        Aim("a day's plan for 10 million customers in less than 8 GB", f"{peak:.2f} GB", peak < 8),
    ]


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers", type=Path, required=True, help="the Python that has the peers")
    options.add_argument("--pymc", type=Path, help="the Python that has pymc-marketing; left out without it")
    options.add_argument(
        "--journeys", type=Path, help="the Python that has retentioneering and MAM; likewise"
    )
    options.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100], help="millions of lines")
    options.add_argument("--baskets", type=int, nargs="+", default=[*SIZES], help="baskets, for itemsets")
    options.add_argument("--made", type=Path, help="a folder that keeps the N.parquet between runs")
    options.add_argument(
        "--only",
        nargs="+",
        help="parts, as named in main",
    )
    options.add_argument("--csv", type=int, nargs="+", default=[1, 10], help="millions of lines; also 100")
    options.add_argument("--ledger", type=int, nargs="+", default=[1, 10], help="millions of rows; also 100")
    options.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    return options.parse_args()


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


_SUMMARIES = """
## Customer summary

From the table order_lines in Parquet to a row a customer in memory. The lines are Complete Journey's, a
copy of its 2,469 households a million lines, each copy with its own choice of orders, days and amounts
(`grow.py`). Peers are spared what would slow them: amounts reach pandas and lifetimes as floats, and
lifetimes does not bring lines together to orders first, as it has no orders."""
_CAMPAIGNS = """
## One day's plan for ten million customers

Who is due by each of the demo shop's scenarios, what they did, said and heard, and the list of the day, caps
and hold-outs included (`plan_ten_million.py`; DuckDB may take 4 GB). Each function's seconds hold all that it
calls; what the plan takes beyond them is one row a customer made of all orders, which is done once. The test
of sending hours and other ways of choosing, which the page shows as well, are not in it."""
_LOADING = """
## Loading a snapshot

From the source's files to canonical tables. The difference is the price of hashing the inputs, checking every
row against the contract, counting oddities and writing the manifest."""

if __name__ == "__main__":
    main()
