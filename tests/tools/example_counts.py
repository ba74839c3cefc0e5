"""How many examples Hypothesis tries: a third in every run, all with ``WEIR_HYPOTHESIS=long``, many times all with ``deep``."""

import math
import os

DEPTH = os.environ.get("WEIR_HYPOTHESIS", "ordinary")
IS_DEEP = DEPTH == "deep"
SHARE = {"ordinary": 1 / 3, "long": 1.0, "deep": 40.0}[DEPTH]
"""An ordinary run tries the same examples each time; where a third did not find a fault that was planted, the count was raised. What
more of the same examples would find is found before a release."""


def examples(count: int) -> int:
    """The number of examples of this run, where `make test-long` tries `count`."""
    return math.ceil(count * SHARE)
