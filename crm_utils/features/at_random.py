"""Who is drawn at random? The same customers at every run, by a keyed hash of the id."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["at_random"]


def at_random(customers: pd.Series[str] | NDArray[np.object_], *, seed: int) -> NDArray[np.float64]:
    """Draw a number from 0 to below 1 for each customer, by a keyed hash of the id.

    The number depends on the id and the seed alone: not on the order of rows, and not on who else is
    there. So whoever is held out stays held out, however many customers come after.

    Parameters
    ----------
    customers
        Ids.
    seed
        The key. Draws for different purposes need different keys, or the same customers are drawn every time.

    Returns
    -------
    numpy.ndarray
        A number a customer, uniform in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> ann, bob = at_random(np.array(["ann", "bob"]), seed=1)
    >>> bool(at_random(np.array(["bob"]), seed=1)[0] == bob)
    True
    """
    ids = np.asarray(customers, dtype=object)
    hashed = pd.util.hash_array(ids, hash_key=f"{seed % 10**16:016d}", categorize=False)
    return np.asarray((hashed >> np.uint64(11)) / 2.0**53, dtype=np.float64)
