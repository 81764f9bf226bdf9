"""Which touch gets how much of an order? Rules, Markov's removal effect, and Shapley's equal split.

Markov: E. Anderl, I. Becker, F. von Wangenheim, J. Schumann, *International Journal of Research in Marketing*
33, 2016. Nothing is simulated: with N = (I − Q)⁻¹ of the absorbing chain, a path from the start ever meets
touch c with chance f = N[s, c] / N[c, c] and converts from there with chance x_c, so without c the chain
converts f · x_c less often. Null paths are in the chain; without them every effect would be too large.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.linalg import splu
from scipy.stats import t

from crm_utils.features.statistics import LEVEL
from crm_utils.methods.customer_journey.paths import DIRECT, SEPARATOR

__all__ = ["RULES", "chain_credit", "credits", "markov_credit", "rule_credit", "set_shapley"]

RULES = ("first", "last", "last_non_direct", "linear", "position")
"""Rules on the order of touches. ``position``: 40 % first, 40 % last, the rest to those between."""
Moves = dict[tuple[tuple[str, ...], tuple[str, ...]], float]
_START, _WON, _LOST = "(start)", "(order)", "(nothing)"
_ENDS = 0.4
_TOGETHER = {"markov": 1, "markov_2": 2}


def rule_credit(paths: pd.DataFrame, rule: str, *, direct: Sequence[str] = DIRECT) -> pd.DataFrame:
    """Share each converting path's order by a rule on its touches.

    Parameters
    ----------
    paths
        ``path``, ``converted`` (1 or 0), ``paths``.
    rule
        One of :data:`RULES`.
    direct
        Touches that ``last_non_direct`` passes over where another one is there.

    Returns
    -------
    pandas.DataFrame
        ``touch``, ``credit`` (orders), sorted by touch; touches of null paths alone get 0.

    Raises
    ------
    ValueError
        There is no such rule.

    Examples
    --------
    >>> paths = pd.DataFrame({"path": ["a > b", "b"], "converted": [1, 0], "paths": [2, 5]})
    >>> rule_credit(paths, "linear").to_dict("list")
    {'touch': ['a', 'b'], 'credit': [1.0, 1.0]}
    """
    if rule not in RULES:
        raise ValueError(f"'{rule}' is no rule. They are: {', '.join(RULES)}.")
    total: dict[str, float] = defaultdict(float)
    for path, converted, n in _rows(paths):
        for touch in path:
            total[touch] += 0.0
        if not converted or not path:
            continue
        for touch, share in zip(path, _shares(path, rule, direct), strict=True):
            total[touch] += float(n) * share
    return _sorted(total)


def set_shapley(paths: pd.DataFrame) -> pd.DataFrame:
    """Share each order equally between the different touches of its path.

    Parameters
    ----------
    paths
        As for :func:`rule_credit`.

    Returns
    -------
    pandas.DataFrame
        ``touch``, ``credit``.

    Notes
    -----
    That is the Shapley value of the game in which a set of touches is worth the orders of all paths that hold
    no touch outside it (K. Zhao, S. Mahboobi, S. Bagheri, *arXiv* 1804.05327, 2018): a path's order is a
    unanimity game, whose value is split equally. It knows neither order nor null paths.
    """
    total: dict[str, float] = defaultdict(float)
    for path, converted, n in _rows(paths):
        kinds = sorted(set(path))
        for touch in kinds:
            total[touch] += float(n) / len(kinds) if converted else 0.0
    return _sorted(total)


def markov_credit(paths: pd.DataFrame, *, order: int = 1) -> pd.DataFrame:
    """Share all orders by what would be lost without each touch.

    Parameters
    ----------
    paths
        As for :func:`rule_credit`, null paths among them; rows without a touch are left out.
    order
        How many of the last touches make a state.

    Returns
    -------
    pandas.DataFrame
        ``touch``, ``credit`` (orders; they add up to the converting paths), ``removal`` (share of orders that
        the chain loses without the touch). The chain's own chance of an order, ``conversion``, is in
        ``attrs``: orders over paths, at every order.

    Raises
    ------
    ValueError
        No path, or no order.
    """
    rows = [row for row in _rows(paths) if row[0]]
    won = sum(n for _path, converted, n in rows if converted)
    if not won:
        raise ValueError(f"None of {sum(n for *_, n in rows)} paths ends with an order: no credit to share.")
    moves: Moves = defaultdict(float)
    for path, converted, n in rows:
        states = [(_START,), *(path[max(0, k - order + 1) : k + 1] for k in range(len(path)))]
        states.append((_WON,) if converted else (_LOST,))
        for one, other in pairwise(states):
            moves[one, other] += n
    return _solve(moves, float(won))


def chain_credit(moves: pd.DataFrame, *, orders: float) -> pd.DataFrame:
    """The same from a table of moves: ``source``, ``target``, ``paths``.

    Parameters
    ----------
    moves
        The start is ``(start)``, the ends are ``(order)`` and ``(nothing)``.
    orders
        What is shared.

    Raises
    ------
    ValueError
        Touches from which no path comes to an end; they are named.
    """
    counted: Moves = defaultdict(float)
    for one, other, n in zip(moves["source"], moves["target"], moves["paths"], strict=True):
        counted[(str(one),), (str(other),)] += n
    return _solve(counted, orders)


def credits(paths: pd.DataFrame, rule: str) -> pd.DataFrame:
    """A rule's credits with intervals over groups of customers.

    Parameters
    ----------
    paths
        With ``group``: which of some equal groups the customers are in.
    rule
        One of :data:`RULES`, ``markov``, ``markov_2`` or ``shapley``.

    Returns
    -------
    pandas.DataFrame
        ``rule``, ``touch``, ``credit``, ``low``, ``high``, ``error``.

    Notes
    -----
    A jackknife that leaves out one group of customers at a time (J. Shao, D. Tu, *The Jackknife and
    Bootstrap*, 1995, section 2.3), so that all that one customer did stands or falls together.
    """
    names = sorted(paths["group"].unique())
    if rule in _TOGETHER:
        whole, left = _left_out(paths, _TOGETHER[rule], names)
    else:
        whole, left = _summed(paths, rule, names)
    g = len(names)
    error = pd.Series(np.nan, index=whole.index)
    if g > 1:
        error[:] = np.sqrt((g - 1) / g * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    reach = float(t.ppf((1 + LEVEL) / 2, max(g - 1, 1))) * error
    return pd.DataFrame({
        "rule": rule, "touch": whole.index.astype("str"), "credit": whole.to_numpy(),
        "low": (whole - reach).clip(lower=0).to_numpy(), "high": (whole + reach).to_numpy(),
        "error": error.to_numpy(),
    })  # fmt: skip


def _summed(
    paths: pd.DataFrame, rule: str, names: Sequence[str]
) -> tuple[pd.Series[float], NDArray[np.float64]]:
    """A rule that treats each path alone: credits of all, and of all but one group, blown up to all."""
    parts = {
        name: _share(rows, rule) for name, rows in paths.groupby("group")[["path", "converted", "paths"]]
    }
    each = pd.DataFrame({name: parts[name] for name in names}).fillna(0.0).sort_index()
    whole, g = each.sum(axis=1), len(names)
    left = (whole.to_numpy()[None, :] - each.to_numpy().T) * g / max(g - 1, 1)
    return whole, left


def _left_out(
    paths: pd.DataFrame, order: int, names: Sequence[str]
) -> tuple[pd.Series[float], NDArray[np.float64]]:
    """The same for the chain, which needs all paths together."""

    def share(rows: Any) -> pd.Series[float]:
        counted = rows.groupby(["path", "converted"], as_index=False)["paths"].sum()
        if not (counted["converted"].eq(1) & counted["path"].ne("")).any():
            return pd.Series(dtype=float)
        return markov_credit(counted, order=order).set_index("touch")["credit"]

    whole, g = share(paths), len(names)
    rest = [share(paths[paths["group"] != name]).reindex(whole.index).fillna(0.0) for name in names]
    return whole, np.array(rest) * g / max(g - 1, 1)


def _share(rows: pd.DataFrame, rule: str) -> pd.Series[float]:
    shared = set_shapley(rows) if rule == "shapley" else rule_credit(rows, rule)
    return shared.set_index("touch")["credit"]


def _rows(paths: pd.DataFrame) -> list[tuple[tuple[str, ...], int, float]]:
    return [
        (tuple(path.split(SEPARATOR)) if path else (), int(converted), n)
        for path, converted, n in zip(paths["path"], paths["converted"], paths["paths"], strict=True)
    ]


def _shares(path: tuple[str, ...], rule: str, direct: Sequence[str]) -> NDArray[np.float64]:
    k = len(path)
    share = np.zeros(k)
    if rule == "first":
        share[0] = 1
    elif rule == "linear":
        share[:] = 1 / k
    elif rule == "position" and k > 2:
        share[1:-1] = (1 - 2 * _ENDS) / (k - 2)
        share[[0, -1]] = _ENDS
    elif rule == "position":
        share[:] = 1 / k
    else:
        known = [i for i, touch in enumerate(path) if rule == "last" or touch not in direct]
        share[known[-1] if known else k - 1] = 1
    return share


def _sorted(total: dict[str, float]) -> pd.DataFrame:
    names = sorted(total)
    return pd.DataFrame({"touch": names, "credit": [float(total[name]) for name in names]})


def _solve(moves: Moves, orders: float) -> pd.DataFrame:
    ends = {(_WON,), (_LOST,)}
    states = sorted({state for pair in moves for state in pair} - ends - {(_START,)})
    place = {state: k for k, state in enumerate([(_START,), *states])}
    n = len(place)
    place |= {(_WON,): n, (_LOST,): n + 1}
    one = np.array([place[a] for a, _b in moves])
    other = np.array([place[b] for _a, b in moves])
    count = np.array([float(v) for v in moves.values()])
    out = np.bincount(one, weights=count, minlength=n)
    chance = csr_matrix((count / out[one], (one, other)), shape=(n, n + 2))
    _check_exits(chance, [*([(_START,)]), *states])
    inside = csr_matrix(chance[:, :n])
    won = np.asarray(chance[:, n].todense()).ravel()
    names = sorted({state[-1] for state in states})
    if len(names) == len(states):
        visits = np.linalg.inv(np.eye(n) - inside.toarray())  # dense: a path leads nearly everywhere
        # One state a touch, but not always in the order of touches: (d, c) comes after (d,).
        order = np.argsort([state[-1] for state in states])
        base, removal = float((visits @ won)[0]), _removals(visits, won)[order]
    else:
        base = float(splu((csr_matrix(np.eye(n)) - inside).tocsc()).solve(won)[0])
        removal = _removals_of_sets(inside, won, states, names, base)
    if base <= 0:
        raise ValueError("No path ends with an order: there is no credit to share.")
    removal = np.clip(removal / base, 0.0, None)
    total = float(removal.sum())
    result = pd.DataFrame({"touch": names, "credit": removal / total * orders, "removal": removal})
    result.attrs["conversion"] = base
    return result


def _removals(visits: NDArray[np.float64], won: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance to meet a state, times the chance of an order from there, of every state at once."""
    meets = visits[0, 1:] / np.diag(visits)[1:]
    return np.asarray(meets * (visits @ won)[1:])


def _removals_of_sets(
    inside: csr_matrix, won: NDArray[np.float64], states: list[tuple[str, ...]], names: list[str], base: float
) -> NDArray[np.float64]:
    """What is lost when all states that end with a touch lead nowhere."""
    n = inside.shape[0]
    last = np.array([-1, *(names.index(state[-1]) for state in states)])
    eye = csr_matrix(np.eye(n))
    lost = np.zeros(len(names))
    for k in range(len(names)):
        stays = csr_matrix(np.diag((last != k).astype(float)))
        left = splu((eye - stays @ inside @ stays).tocsc()).solve(np.where(last == k, 0.0, won))
        lost[k] = base - left[0]
    return lost


def _check_exits(chance: csr_matrix, states: list[tuple[str, ...]]) -> None:
    """Every state must lead to an end."""
    n = chance.shape[0]
    rows, columns = chance.nonzero()
    back = csr_matrix((np.ones(len(rows)), (columns, rows)), shape=(n + 2, n + 2))
    reached = {*breadth_first_order(back, n, return_predecessors=False)}
    reached |= {*breadth_first_order(back, n + 1, return_predecessors=False)}
    stuck = [SEPARATOR.join(states[k]) for k in range(n) if k not in reached]
    if stuck:
        raise ValueError(
            f"No path from {', '.join(stuck)} comes to an end: a loop without an exit. "
            f"Add the moves to {_WON} or {_LOST}."
        )
