"""Which words do low scores use more than high ones? Log-odds with an informative Dirichlet prior.

B. L. Monroe, M. P. Colaresi, K. M. Quinn, Fightin' words, *Political Analysis* 16, 2008, eq. 15 to 22.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm

from crm_utils.features import Number, at_random
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.feedback.names import names_in
from crm_utils.methods.feedback.quotes import phrase_of_many
from crm_utils.methods.feedback.scores import SATISFIED, known_answers
from crm_utils.methods.feedback.tokens import analyser_here, tokens

__all__ = ["MOST_TEXTS", "Themes", "find_themes", "keyness", "text_sample", "word_counts"]

Counts: TypeAlias = "Mapping[str, int] | pd.Series[int]"

MOST_TEXTS = 200_000
"""Texts that words are learnt from at most, drawn by a hash of the answer's id."""
PRIOR = 500.0
"""Words that the prior weighs as much as: a word used once in a while needs more than chance to stand out."""
_HALF = 0.5
_FEWEST = 20  # texts on a side


@dataclass(frozen=True)
class Themes:
    """Words of low and of high scores.

    Attributes
    ----------
    words
        ``word``, ``low``, ``high`` (texts that used it; missing where 1 to 4), ``customers`` (who used it
        on its side), ``z``, ``q``, ``half_1``, ``half_2`` (z in each half of the customers), ``stable``,
        ``quote``; strongest of low scores first.
    low, high
        Texts on each side.
    analyser
        What split the texts.
    agreement
        Correlation of z between the halves, of words that twenty texts or more hold.
    used
        ``feedback_id`` and ``word``: which low-side words each text of the sample holds.
    """

    words: pd.DataFrame
    low: int
    high: int
    analyser: str
    agreement: float
    used: pd.DataFrame

    def shown(self, *, most: int) -> pd.DataFrame:
        """The strongest words of both sides, of words that stand in one phrase the first: so many a side."""
        table = self.words[self.words["stable"].astype(bool)]
        table = table.assign(strength=table["z"].abs()).sort_values(
            ["strength", "word"], ascending=[False, True]
        )
        repeated = table.duplicated("quote") & (table["quote"] != "")
        table = table[~repeated]
        sides = [table[table["z"] > 0].head(most), table[table["z"] < 0].head(most)]
        return pd.concat(sides).drop(columns="strength").reset_index(drop=True)

    def numbers(self) -> list[Number]:
        """What is recorded."""
        stable = self.words[self.words["stable"] & (self.words["z"] > 0)] if len(self.words) else self.words
        return [
            Number("texts.low", self.low, "texts"), Number("texts.high", self.high, "texts"),
            Number("words.low", len(stable), "words"),
        ]  # fmt: skip


def text_sample(feedback: ir.Table, *, most: int = MOST_TEXTS) -> pd.DataFrame:
    """Draw texts with a low or a high score: their answer, ``person``, ``kind``, ``low``, ``day``, ``text``.

    Parameters
    ----------
    feedback
        The canonical table.
    most
        Rows at most: those with the smallest hash of their id, the same at every run and on every engine.
    """
    rows = known_answers(feedback)
    high = (rows.kind == "nps").ifelse(rows.score >= 9, rows.score >= SATISFIED)
    rows = rows.filter(rows.text.strip().length() > 0, (rows.low == 1) | high)
    drawn = rows.order_by(rows.feedback_id.hexdigest("md5"), rows.person).limit(most)
    frame: pd.DataFrame = drawn.select(
        "feedback_id", "person", "kind", "low", "text", day=drawn.submitted_at.cast("date")
    ).to_pandas()
    return frame.sort_values(["feedback_id", "person", "text"], ignore_index=True)


def word_counts(words: Iterable[frozenset[str]]) -> pd.Series[int]:
    """In how many texts each word stands."""
    counts: Counter[str] = Counter()
    for each in words:
        counts.update(each)
    return pd.Series(counts, dtype="int64").sort_index()


def keyness(
    low: Counts, high: Counts, *, prior: float = PRIOR, q: float = 0.05, background: Counts | None = None
) -> pd.DataFrame:
    """Weigh words by how much more low scores use them than high ones.

    Parameters
    ----------
    low, high
        Texts that hold each word, on either side.
    prior
        α₀: how many words the prior weighs as much as; each word has its share of them in ``background``.
    q
        Words under this false discovery rate are ``kept``.
    background
        What the prior is made of; both sides together by default.

    Returns
    -------
    pandas.DataFrame
        ``word``, ``low``, ``high``, ``z``, ``q`` (Benjamini and Hochberg), ``kept``; largest z first.

    Notes
    -----
    δ = log((y₁ + α)/(n₁ + α₀ − y₁ − α)) − log((y₂ + α)/(n₂ + α₀ − y₂ − α)),
    its variance 1/(y₁ + α) + 1/(y₂ + α),
    z = δ / √variance. The prior draws rare words towards 0, so fewer than one in twenty pass 1.96 by chance.

    Examples
    --------
    >>> table = keyness({"late": 40, "shirt": 50}, {"late": 4, "shirt": 60}, prior=10)
    >>> table["word"].tolist()
    ['late', 'shirt']
    """
    counts = pd.DataFrame(
        {"low": pd.Series(low, dtype="float64"), "high": pd.Series(high, dtype="float64")}
    ).fillna(0.0)
    counts.index.name = "word"
    both = (
        counts.sum(axis=1)
        if background is None
        else pd.Series(background, dtype="float64").reindex(counts.index)
    )
    both = both.fillna(0.0).clip(lower=_HALF)
    share = prior * both / both.sum()
    odds, variance = [], np.zeros(len(counts))
    for side in ("low", "high"):
        with_prior = counts[side] + share
        odds.append(np.log(with_prior / (counts[side].sum() + prior - with_prior).clip(lower=_HALF)))
        variance += 1.0 / with_prior.to_numpy()
    z = np.asarray(odds[0] - odds[1]) / np.sqrt(variance)
    rate = false_discovery_control(2 * norm.sf(np.abs(z))) if len(z) else z
    table = counts.astype("int64").reset_index().assign(z=z, q=rate, kept=rate < q)
    return table.sort_values(["z", "word"], ascending=[False, True], ignore_index=True)


def find_themes(
    sample: pd.DataFrame,
    *,
    analyser: str = "",
    q: float = 0.05,
    seed: int = 9,
    hide: Iterable[str] = (),
    show: Iterable[str] = (),
) -> Themes:
    """Find the words of low and of high scores, and whether each half of the customers gives them again.

    Parameters
    ----------
    sample
        As :func:`text_sample` gives it.
    analyser
        Of :func:`tokens`; the best that is installed when left out.
    q
        False discovery rate of the words shown.
    seed
        Of the halves.
    hide, show
        Names and brands as :func:`.names.names_in` takes them.

    Returns
    -------
    Themes
        Without words where a side has fewer than twenty texts. A word that fewer than five customers used on
        its side has no row.
    """
    named = analyser or analyser_here()
    low = sample["low"].to_numpy(dtype=int) == 1
    sides = int(low.sum()), int((~low).sum())
    columns = ["word", "low", "high", "customers", "z", "q", "half_1", "half_2", "stable", "quote"]
    nothing = pd.DataFrame(columns=["feedback_id", "word"])
    if min(sides) < _FEWEST:
        return Themes(pd.DataFrame(columns=columns), *sides, named, float("nan"), nothing)
    names = names_in(sample["text"], hide=hide, show=show)
    words = np.array(tokens(sample["text"], analyser=named, names=names), dtype=object)
    table = keyness(word_counts(words[low]), word_counts(words[~low]), q=q)
    second = at_random(sample["person"].to_numpy(dtype=object), seed=seed) >= _HALF
    halves = {}
    for name, half in (("half_1", ~second), ("half_2", second)):
        parts = (word_counts(words[low & half]), word_counts(words[~low & half]))
        halves[name] = keyness(*parts, q=q).set_index("word")
        table[name] = table["word"].map(halves[name]["z"]).fillna(0.0)
    agreement = _agreement(**halves, in_texts=word_counts(words))
    table = table[table["kept"]]
    people = _people(table["word"], words, sample["person"].to_numpy(dtype=object), low)
    table = table.assign(customers=np.where(table["z"] > 0, people["low"], people["high"]))
    table = table[table["customers"] >= SMALLEST_GROUP]
    sure = np.minimum(table["half_1"] * np.sign(table["z"]), table["half_2"] * np.sign(table["z"])) > 1.0
    table = table.assign(stable=sure)
    table["quote"] = [
        phrase_of_many(word, sample[low if z > 0 else ~low], words[low if z > 0 else ~low], names=names)
        for word, z in zip(table["word"], table["z"], strict=True)
    ]
    few = {side: table[side].between(1, SMALLEST_GROUP - 1) for side in ("low", "high")}
    table = table.assign(**{side: table[side].astype(float).mask(mask) for side, mask in few.items()})
    bad = set(table.loc[table["stable"] & (table["z"] > 0), "word"])
    used = [
        (key, word)
        for key, each in zip(sample["feedback_id"], words, strict=True)
        for word in sorted(each & bad)
    ]
    frame = pd.DataFrame(used, columns=["feedback_id", "word"])
    return Themes(table[columns].reset_index(drop=True), *sides, named, agreement, frame)


def _agreement(half_1: pd.DataFrame, half_2: pd.DataFrame, in_texts: pd.Series[int]) -> float:
    """How alike both halves weigh the words that are not rare."""
    common = in_texts.index[in_texts >= _FEWEST]
    z = [half["z"].reindex(common).fillna(0.0) for half in (half_1, half_2)]
    if len(common) < 3 or min(float(each.std()) for each in z) == 0:
        return float("nan")
    return float(z[0].corr(z[1]))


def _people(
    shown: pd.Series[str], words: np.ndarray, person: np.ndarray, low: np.ndarray
) -> dict[str, list[int]]:
    """How many customers used each word, on either side."""
    users: dict[str, dict[str, set[str]]] = {word: {"low": set(), "high": set()} for word in shown}
    for each, who, is_low in zip(words, person, low, strict=True):
        for word in each & users.keys():
            users[word]["low" if is_low else "high"].add(who)
    return {side: [len(users[word][side]) for word in shown] for side in ("low", "high")}
