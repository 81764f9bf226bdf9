"""What customers answer: ten million scores counted, and who of those asked answered, beside pandas."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

from compared import HEAD, agree, compared
from feedback_tasks import write_answers
from measure import Aim, in_turn, ratio, task

__all__ = ["answers"]

_ANSWERS = """
## What customers answer

From answers, requests and orders in Parquet to scores a month with the sums that their intervals need, and to
the response with weights. Plain pandas does the same counts; it makes the cells that weights are raked over
and rakes none. Its requests beside orders are held at a million answers, as ten would need more memory than
most have."""


def answers(folder: Path, rounds: int = 3) -> tuple[list[str], list[Aim]]:
    """Counts of scores and response, of one and of ten million answers."""
    lines, aims, peaks = [_ANSWERS], [], {}
    places = {size: folder / f"answers-{size}" for size in (0.001, 1, 10)}
    for size, place in places.items():
        place.mkdir(exist_ok=True)
        write_answers(str(place), size)
    for size in (1, 10):
        print(f"{size} million answers", flush=True)
        lines += [f"\n### {size} million answers\n", HEAD]
        names = {"counts": ["counts_ours", "counts_pandas"], "response": ["response_ours", "response_pandas"]}
        for kind, contenders in names.items():
            alone = kind == "response" and size == 10
            timings = in_turn(
                {
                    name: partial(task, sys.executable, name, places[size], cwd=folder, warm=places[0.001])
                    for name in (contenders[:1] if alone else contenders)
                },
                rounds=1 if alone else rounds,
            )
            agree(timings)
            lines += compared(timings, contenders[0])
            peaks[kind, size] = max(m.peak_gb for m in timings[contenders[0]])
            if kind == "counts" and size == 10:
                times = statistics.median(ratio(timings[contenders[1]], timings[contenders[0]]))
                aim = "scores of 10 million answers: at least 2 times as fast as pandas"
                aims.append(Aim(aim, f"{times:.1f} times", times >= 2))
    most = max(peaks.values())
    aims.append(Aim("10 million answers: less than 6 GB", f"{most:.1f} GB", most < 6))
    return lines, aims
