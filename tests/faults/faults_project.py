"""One cheap notebook whose every output carries a seed, so that a mixture of two runs would show."""

from __future__ import annotations

import os
import random
from pathlib import Path

from notebook_maker import write_notebook

#: How many kills; `nox -s faults` and its arguments set them.
RUNNER_KILLS = int(os.environ.get("CRM_RUNNER_KILLS", "3"))
KERNEL_KILLS = int(os.environ.get("CRM_KERNEL_KILLS", "3"))
LOAD_KILLS = int(os.environ.get("CRM_LOAD_KILLS", "3"))


def moment(rng: random.Random, attempt: int, length: float) -> float:
    """Seconds to wait: anywhere in what takes so long; each third time near its end, where it publishes."""
    return rng.uniform(0.75 if attempt % 3 == 0 else 0, 1.05) * length


NUMBERS = """
import pandas as pd
for name in ("a", "b", "c"):
    run.save(f"numbers_{name}", pd.DataFrame({"seed": [seed] * 1000}))
run.record("seed", seed)
"""


def write_numbers(root: Path, number: int = 1) -> Path:
    """The notebook ``numbers``: three tables and a number, all of them its seed."""
    return write_notebook(
        root, number, "numbers", NUMBERS, parameters="seed: int = 0  # written everywhere\n"
    )
