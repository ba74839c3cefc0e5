"""How many examples Hypothesis tries: few in every run, many in a deep one (``WEIR_HYPOTHESIS=deep``)."""

import os

IS_DEEP = os.environ.get("WEIR_HYPOTHESIS") == "deep"
DEEP_FACTOR = 40


def examples(count: int) -> int:
    """`count` in an ordinary run, 40 times as many in a deep one."""
    return count * DEEP_FACTOR if IS_DEEP else count
