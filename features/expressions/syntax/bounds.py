"""Bounds of expressions, so that nobody who can write one can hold up the stream."""

TEXT_LENGTH_MAX = 16_384
"""The maximum number of characters of an expression."""

NESTING_MAX = 48
"""The maximum depth of parentheses, calls, lists, signs, choices and selections inside one another."""

LIST_LENGTH_MAX = 1_000
"""The maximum number of elements of a list and entries of a map, as written or after joining."""

COST_MAX = 20_000
"""The maximum `Expression.cost`: estimated nanoseconds per event in batches of 1,000 where every text differs."""

WORK_MAX = 20_000
"""The maximum number of values and operations that compiling looks at, constants and written-out macros included."""

PATTERN_LENGTH_MAX = 512
"""The maximum number of characters of a regular expression."""

PATTERN_MEMORY_MAX_BYTES = 1 << 20
"""The maximum memory of a compiled regular expression; RE2 refuses one that needs more."""

STRING_LENGTH_MAX = 65_536
"""The maximum number of characters of a text that is built, matched or searched."""
