"""By how much does an early stop exaggerate? A bias-adjusted estimate (Whitehead, *Biometrika* 73, 1986).

Whoever stops as soon as a bound is crossed stops at a high point of the noise. The adjusted estimate is the
effect under which tests with these looks and bounds would end, on average, with the estimate that was seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["adjusted_estimate"]

Floats = npt.NDArray[np.float64]
PATHS, STEPS = 4_000, 30
"""Simulated tests, and halvings of the bracket in which the adjusted effect is looked for."""


def adjusted_estimate(
    effect: float,
    error: float,
    customers: Floats,
    bounds: Floats,
    *,
    at: int,
    now: tuple[float, float] | None = None,
    seed: int = 20,
) -> float:
    """Take off an estimate what stopping at a bound has put on it.

    Parameters
    ----------
    effect, error
        When the bound was crossed.
    customers
        Of both arms at each look, from the first possible one to the planned end.
    bounds
        At each look, of |effect| over its error; infinite where it could not stop.
    at
        The look at which the bound was crossed.
    now
        Effect and error today, when more customers came since; they bring no bias, and thin it out.
    seed
        Of the simulated paths.

    Returns
    -------
    float
        In the unit of ``effect``.

    Notes
    -----
    Solves E_θ[estimate at the end] = estimate, the end being the first look beyond a bound, or the last look.
    Information is taken to grow with customers. The adjustment removes the bias over all tests, stopped and
    not. Among those that were stopped early with a tiny true effect, most of the exaggeration stays: no
    estimate can remove it, as they look like tests of a larger effect. ``nox -s calibrate`` has the numbers.

    Examples
    --------
    >>> looks = np.arange(1_000.0, 10_001.0, 1_000.0)
    >>> stopped = adjusted_estimate(3.2, 1.0, looks, np.full(10, 3.0), at=1)
    >>> 2.0 < stopped < 3.2
    True
    """
    information = customers / customers[at]  # in units of that at the crossing: there, z is the effect's
    ends = _ends(information, bounds, seed=seed)
    z = effect / error
    size = abs(z)
    low, high = -size, 1.5 * size
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if ends(middle) < size else (low, middle)
    excess = (z - np.sign(z) * (low + high) / 2) * error
    if now is None or not now[1]:
        return float(effect - excess)
    return float(now[0] - excess * min(1.0, (now[1] / error) ** 2))


def _ends(information: Floats, bounds: Floats, *, seed: int) -> Callable[[float], float]:
    """The mean estimate at the end of tests with an effect, in errors at the crossing."""
    steps = np.sqrt(np.diff(information, prepend=0.0))
    noise = np.cumsum(np.random.default_rng(seed).normal(size=(PATHS, len(information))) * steps, axis=1)
    noise /= information
    half = bounds / np.sqrt(information)
    rows = np.arange(PATHS)

    def mean(effect: float) -> float:
        estimates = noise + effect
        crossed = np.abs(estimates) > half
        end = np.where(crossed.any(axis=1), crossed.argmax(axis=1), len(information) - 1)
        return float(estimates[rows, end].mean())

    return mean
