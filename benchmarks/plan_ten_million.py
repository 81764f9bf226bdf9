"""One day's plan for ten million customers on two cores: how long, how much memory, and where the time goes.

A made shop: two years of orders (four a customer, most with one), five or six changes of consent a customer,
a month of events, a quarter of messages, and the lists of other notebooks. The demo shop's own scenarios and
Korea's rules plan one day of it.
Run: python benchmarks/plan_ten_million.py [millions of customers] [folder to work in]
"""

from __future__ import annotations

import cProfile
import datetime as dt
import pstats
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import ibis
import yaml

from crm_utils.methods import campaign_targeting as ct
from crm_utils.study.scenarios import Scenarios
from crm_utils.tables import orders

ROOT = Path(__file__).resolve().parent.parent
NOW = dt.datetime(2025, 3, 1)
LIMITS = {"memory_limit": "4GB", "threads": 2}
PARTS = ("moments", "after_the_anchor", "known_consents", "heard_before", "reachable", "arbitrate",
         "held_out", "message_ids")  # fmt: skip
"""Functions whose time is told, each with all that it calls."""
_WHO = "substr(md5(({})::BIGINT::VARCHAR), 1, 20)"
_U = "(hash(i, {}) % 1000000007 / 1000000007.0)"


def main() -> None:
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        folder = Path(name)
        write_shop(folder, int(millions * 1_000_000))
        con = ibis.duckdb.connect(folder / "work.duckdb", temp_directory=f"{folder}/spill", **LIMITS)
        con.raw_sql("SET preserve_insertion_order = false")
        tables = {path.stem: con.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
        print(", ".join(f"{name} {t.count().to_pyarrow().as_py():,}" for name, t in tables.items()))
        tables["orders"] = orders(tables.pop("order_lines"))
        plan_a_day(tables)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"peak memory {peak:.2f} GB")


def plan_a_day(tables: dict[str, ibis.expr.types.Table]) -> None:
    """Plan one day, as the notebook does, and print where its seconds went."""
    text = (ROOT / "studies" / "demo_shop.scenarios.yaml").read_text(encoding="utf-8")
    scenarios = Scenarios(**yaml.safe_load(text)).scenarios
    rules = yaml.safe_load((ROOT / "rules" / "kr.yaml").read_text(encoding="utf-8"))
    rules = ct.Rules(**rules | {"valid_from": str(rules["valid_from"])})
    profile, start = cProfile.Profile(), time.perf_counter()
    profile.enable()
    until = NOW + dt.timedelta(days=1)
    plan = ct.make_plan(scenarios, tables, rules, study="bench", now=NOW, until=until)
    profile.disable()
    seconds = time.perf_counter() - start
    due = int(plan.waterfall["due"].sum())
    print(f"{len(scenarios)} scenarios, {due:,} candidates, {len(plan.to_send):,} to send, "
          f"{int(plan.rows['holdout'].sum()):,} held out")  # fmt: skip
    print(f"{seconds:8.1f} s  one day's plan")
    for (_, _, function), row in sorted(pstats.Stats(profile).stats.items(), key=lambda kept: -kept[1][3]):
        if function in PARTS:
            print(f"{row[3]:8.1f} s  {function}")


def write_shop(folder: Path, customers: int) -> None:
    """Write the made shop's tables, the same for the same number of customers."""
    con = duckdb.connect(config={"memory_limit": "4GB", "threads": 2, "temp_directory": str(folder / "s")})
    con.execute("SET preserve_insertion_order = false")
    for name, (rows, columns) in _tables(customers).items():
        path = folder / f"{name}.parquet"
        con.execute(f"COPY (SELECT {columns} FROM range({rows}) r(i)) TO '{path}' (FORMAT parquet)")


def _tables(customers: int) -> dict[str, tuple[int, str]]:
    """For each table its rows and the columns of row ``i``."""

    def back(seconds: int, seed: int) -> str:
        return f"TIMESTAMP '{NOW}' - to_seconds(1 + ({_U.format(seed)} * {seconds})::BIGINT)"

    def pick(seed: int, *words: str) -> str:
        return f"[{', '.join(repr(word) for word in words)}][1 + (hash(i, {seed}) % {len(words)})::INT]"

    day, sign = 86_400, "(CASE WHEN hash(i, 7) % 40 = 0 THEN -1 ELSE 1 END)"
    did = pick(15, "visit", "view", "view", "view", "view", "view", "view", "cart", "purchase", "call")
    anybody = _WHO.format(f"{_U.format(1)} * {customers}")
    order = "(i * 2 // 3)"
    buyer = _WHO.format(f"pow({_U.format(2)}, 2) * {customers}").replace("hash(i,", f"hash({order},")
    ordered_at = back(730 * day, 6).replace("hash(i,", f"hash({order},")
    on_channel = pick(3, "app_push", "brand_message", "email", "sms")
    sent = pick(4, "welcome", "cart_1h", "churn_contact", "win_back", "birthday", "champions")
    lists = {
        name: (int(customers * share), f"{anybody} customer_id, i % 10 = 0 held_out, 'p' || i item")
        for name, share in {"churn_contacts": 0.01, "second_purchase": 0.004, "next_best_offers": 0.004,
                            "champions": 0.002}.items()
    }  # fmt: skip
    return {
        "order_lines": (6 * customers, f"""{order}::VARCHAR order_id, {buyer} customer_id,
            'p' || (hash(i, 5) % 20000) product_id, {ordered_at} ordered_at,
            {sign}::DECIMAL(18, 3) quantity, ({sign} * (10000 + hash(i, 8) % 90000))::DECIMAL(18, 2) amount,
            0::DECIMAL(18, 2) discount, 'web' channel"""),
        "customers": (customers, f"""{_WHO.format("i")} customer_id,
            CAST({back(900 * day, 9)} AS DATE) joined_on,
            strftime(DATE '2000-01-01' + (hash(i, 10) % 366)::INT, '%m-%d') birthday"""),
        "consents": (56 * customers // 10, f"""{anybody} customer_id, {on_channel} channel,
            hash(i, 11) % 4 > 0 advertising, hash(i, 12) % 3 = 0 night, {back(900 * day, 13)} changed_at"""),
        "events": (3 * customers, f"""i::VARCHAR event_id, {anybody} customer_id,
            {back(30 * day, 14)} occurred_at, {did} AS event"""),
        "messages": (2 * customers, f"""{anybody} customer_id, {sent} scenario,
            'advertising' kind, {on_channel} channel, {back(90 * day, 16)} sent_at,
            hash(i, 17) % 10 = 0 held_out"""),
        **lists,
    }  # fmt: skip


if __name__ == "__main__":
    main()
