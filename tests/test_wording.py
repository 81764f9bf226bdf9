from __future__ import annotations

import html
import math
import re
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_utils import wording
from crm_utils.tools import language
from crm_utils.wording import alike, count, days, interval, money, money_in, number, share, table

ABSENT = [None, math.nan, np.float64("nan"), Decimal("NaN"), pd.NA, pd.NaT]
WRITERS = [count, number, money, money_in("KRW"), share, partial(share, digits=2), days]


def cells(shown: wording.Table) -> list[list[str]]:
    """The body's cells, as a browser would show them; those on the right begin with ``>``."""
    rows = re.findall(r"<tr>(.*?)</tr>", shown._repr_html_().partition("<tbody>")[2])
    marked = [re.findall(r"<td( class=\"number\")?[^>]*>(.*?)</td>", row) for row in rows]
    return [[(">" if right else "") + html.unescape(text) for right, text in row] for row in marked]


def column(values: object, how: object = None) -> list[str]:
    formats = {} if how is None else {"x": how}
    return [row[0] for row in cells(table(pd.DataFrame({"x": values}), caption="x", formats=formats))]


# Numbers in sentences


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("value", ABSENT)
def test_what_is_missing_is_a_dash(write: object, value: object) -> None:
    assert write(value) == "–"


@given(st.floats(-1e9, 1e9) | st.decimals(-(10**9), 10**9, allow_nan=False) | st.integers(-(10**9), 10**9))
def test_a_minus_is_a_minus_and_never_before_zero(value: float | Decimal) -> None:
    for write in WRITERS:
        text = write(value)
        assert "-" not in text
        assert ("−" in text) <= (value < 0)
        assert ("−" in text) <= (re.search("[1-9]", text) is not None)
        assert text.count(" ") == text.endswith((" day", " days"))  # only before a unit that is a word


@given(st.floats(-1, 1))
def test_a_rare_share_is_never_nought_nor_whole(value: float) -> None:
    assert (share(value).lstrip("−") == "0\xa0%") == (value == 0)
    assert (share(value).lstrip("−") == "100\xa0%") == (abs(value) == 1)


def test_a_small_loss_shows_its_sign_then_its_size() -> None:
    assert share(-0.001) == "−<1\xa0%"
    assert share(-0.0004, 1) == "−<0.1\xa0%"
    assert share(0.9996, 1) == ">99.9\xa0%"
    assert share(12.5) == "1,250\xa0%"


def test_nought_has_no_sign() -> None:
    assert (count(-0.4), number(-0.004), money(-0.004), share(-0.0), days(-0.4)) == (
        *("0", "0.00", "$0.00", "0\xa0%", "0 days"),
    )


def test_what_is_not_finite_is_written_too() -> None:
    assert (
        count(math.inf),
        number(-math.inf),
        money(-math.inf),
        share(np.inf),
        days(Decimal("Infinity")),
    ) == (*("∞", "−∞", "−$∞", "∞\xa0%", "∞ days"),)


def test_one_day_is_singular_before_and_after() -> None:
    assert [days(v) for v in (-2, -1, 0, 1, 1.2, 2)] == [
        *("−2 days", "−1 day", "0 days", "1 day", "1 day", "2 days")
    ]


def test_money_just_below_a_hundred_reads_as_a_hundred() -> None:
    assert (money(99.99), money(99.999), money(100), money(-99.999)) == ("$99.99", "$100", "$100", "−$100")


def test_currencies_without_cents_and_without_a_sign() -> None:
    assert (money(12.4, "JPY"), money(12.4, "VND"), money(-12.4, "CHF")) == (
        "¥12",
        "VND\xa012",
        "−CHF\xa012.40",
    )


def test_amounts_that_stand_together_are_written_alike() -> None:
    for how in (money, money_in("USD"), partial(money, currency="USD")):
        assert list(map(alike(how, [0, 50, 100]), [0, 50, 100])) == ["$0", "$50", "$100"]
        assert list(map(alike(how, [0, 0.5]), [0, 0.5])) == ["$0.00", "$0.50"]
    assert alike(share, [0.5]) is share


def test_words_are_looked_up_and_numbers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_LANGUAGE", "pseudo")
    assert (days(1), days(17), days(None)) == ("⟦1 day⟧", "⟦17 days⟧", "–")
    assert interval(0.6, 0.5, 0.7, share) == "⟦60\xa0% (50\xa0% to 70\xa0%)⟧"
    assert cells(table(pd.DataFrame({"x": []}), caption="x")) == [["⟦none⟧"]]
    assert (count(1200), money(3)) == ("1,200", "$3.00")


def test_a_language_of_three_forms_gets_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forms(language.gettext.NullTranslations):
        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return f"{{days}} of form {n}"

    monkeypatch.setattr(language, "_catalogue", lambda name: Forms())
    assert [days(v) for v in (-1, 21, 1234.4)] == ["−1 of form 1", "21 of form 21", "1,234 of form 1234"]


# Intervals


def test_an_interval_of_money_has_one_number_of_decimals() -> None:
    for how in (money, money_in("USD"), partial(money, currency="USD")):
        assert interval(99, 95.5, 101, how) == "$99 ($96 to $101)"
        assert interval(9, -1.5, 99.99, how) == "$9.00 (−$1.50 to $99.99)"
    assert interval(99, 95.5, 101, partial(money, digits=1)) == "$99.0 ($95.5 to $101.0)"


@pytest.mark.parametrize(("low", "high"), [(None, 0.7), (0.5, math.nan), (None, None)])
def test_an_estimate_without_both_ends_stands_alone(low: float | None, high: float | None) -> None:
    assert interval(0.6, low, high, share) == "60\xa0%"


# Tables


def test_numbers_stand_right_and_all_else_left() -> None:
    assert column([1200, -3]) == [">1,200", ">−3"]
    assert column([0.5, 1234.0]) == [">0.50", ">1,234.00"]
    assert column([True, False]) == ["True", "False"]
    assert column(["1", "b"]) == ["1", "b"]
    assert column(["high", "low"], str.upper) == ["HIGH", "LOW"]


def test_decimals_are_numbers() -> None:
    assert column([Decimal("1234.5"), None]) == [">1,234.50", ">–"]
    assert column([Decimal("0.10"), Decimal("-0.001")]) == [">0.10", ">0.00"]


def test_whole_numbers_with_gaps_stay_whole() -> None:
    assert column([1200, None]) == [">1,200", ">–"]
    assert column(pd.array([1200, None], dtype="Int64")) == [">1,200", ">–"]
    assert column([1e20, None]) == [">100,000,000,000,000,000,000", ">–"]


def test_a_mean_that_happens_to_be_whole_keeps_its_decimals() -> None:
    assert column([2.0, 3.0]) == [">2.00", ">3.00"]
    assert column([2.0, 2.5, None]) == [">2.00", ">2.50", ">–"]


def test_numbers_that_are_names_stand_left_without_thousands() -> None:
    assert column([2016, 2017], str) == ["2016", "2017"]
    assert column([2016, None], str) == ["2016", "–"]


def test_missing_values_never_reach_a_format() -> None:
    seen: list[object] = []
    assert column([0.25, None], lambda v: seen.append(v) or f"{v:.1f}") == [">0.2", ">–"]
    assert seen == [0.25]


def test_a_column_of_money_has_one_number_of_decimals() -> None:
    for how in (money, money_in("USD"), partial(money, currency="USD")):
        assert column([99.5, 100.0, -0.2, None], how) == [">$100", ">$100", ">$0", ">–"]
        assert column([99.5, Decimal("0.2")], how)[0].endswith("$99.50")
    assert column([Decimal("12500"), Decimal("3")], money_in("KRW")) == [">₩12,500", ">₩3"]


def test_days_without_times_are_days() -> None:
    assert column(pd.to_datetime(["2017-12-31", None])) == ["2017-12-31", "–"]
    assert column(pd.to_datetime(["2017-12-31"]).tz_localize("Asia/Seoul")) == ["2017-12-31"]
    assert column(pd.to_datetime(["2017-12-31 00:00", "2017-12-31 10:30"])) == [
        *("2017-12-31 00:00:00", "2017-12-31 10:30:00")
    ]


@pytest.mark.parametrize("which", ["formats", "names"])
def test_a_misspelt_column_is_told(which: str) -> None:
    frame = pd.DataFrame({"revenue": [1.0], 2017: [1]})
    said = r"The table has no column 'revenu'\. Did you mean 'revenue'\? It has: 2017, revenue\."
    with pytest.raises(ValueError, match=said):
        table(frame, caption="x", **{which: {"revenu": str}})


def test_two_columns_of_one_name_are_both_shown() -> None:
    frame = pd.DataFrame([[1, "a"]], columns=["x", "x"])
    assert cells(table(frame, caption="x")) == [[">1", "a"]]


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": [], "b": []})])
def test_an_empty_table_says_none(frame: pd.DataFrame) -> None:
    shown = table(frame, caption="Refused rows")
    assert cells(shown) == [["none"]]
    assert repr(shown) == "Refused rows\nnone"


def test_everything_is_escaped_and_told_as_text_too() -> None:
    frame = pd.DataFrame({"a<b": ["<i>", "&"]})
    shown = table(frame, caption="<u>", names={"a<b": 'A "<" B'})
    assert set(re.findall(r"<(?!/)(\w+)", shown._repr_html_())) == {
        *("table", "caption", "thead", "tbody", "tr", "th", "td")
    }
    assert repr(shown).splitlines() == ["<u>", 'A "<" B', "    <i>", "      &"]


def test_underscores_in_names_become_spaces_and_the_index_stays_away() -> None:
    shown = table(pd.DataFrame({"recency_days": [3]}, index=["secret"]), caption="x")
    assert '<th scope="col" class="number">recency days</th>' in shown._repr_html_()
    assert "secret" not in shown._repr_html_() + repr(shown)
