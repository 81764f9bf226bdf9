"""Outputs are cut where nobody could read them, and the cut is said; errors show nobody."""

from __future__ import annotations

import json

from crm_utils.runner import outputs


def stream(text: str, name: str = "stdout") -> dict[str, object]:
    return {"output_type": "stream", "name": name, "text": text}


def test_what_fits_stays_as_it_is() -> None:
    made = [stream("010-1234-5678 is what a cell printed"), {"output_type": "display_data", "metadata": {},
            "data": {"image/png": "x" * 2_000_000, "text/plain": "<Axes>"}}]  # fmt: skip
    assert outputs.kept(made) == made


def test_a_hundred_megabytes_are_cut_and_the_cut_is_said() -> None:
    kept = outputs.kept([stream("x" * 60_000_000), stream("y" * 40_000_000)])
    assert len(json.dumps(kept)) < 1_100_000
    assert kept[-1]["text"] == "[Cut: 99,000,000 more characters. A cell may print 1,000,000.]\n"


def test_rich_outputs_and_many_outputs_are_cut_too() -> None:
    html = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": "<p>" * 10**7, "text/plain": "p"},
    }
    kept = outputs.kept([html])
    assert kept[0]["data"] == {"text/plain": "p"}
    assert "Cut: 30,000,000 more characters" in kept[-1]["text"]
    assert len(outputs.kept([stream("x")] * 5_000)) == outputs.MOST_OUTPUTS + 1


def test_an_error_shows_nobody() -> None:
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no 010-1234-5678",
        "traceback": ["kim@a.kr"],
    }
    kept = outputs.kept([error, stream("warned about kim@a.kr", "stderr")])
    assert (kept[0]["evalue"], kept[0]["traceback"], kept[1]["text"]) == (
        "no [phone]", ["[email]"], "warned about [email]",
    )  # fmt: skip
