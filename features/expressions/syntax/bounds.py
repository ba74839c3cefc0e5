"""What an expression may cost, so that nobody who can write one can hold up the stream."""

TEXT_LENGTH_MAX = 16_384
"""Characters of an expression."""

NESTING_MAX = 48
"""Parentheses, calls, lists, signs, choices and selections inside one another."""

LIST_LENGTH_MAX = 1_000
"""Elements of a list and entries of a map, as written or after joining."""

COST_MAX = 20_000
"""Of `Expression.cost`: nanoseconds an event, roughly, in batches of 1,000 with every text another one."""

WORK_MAX = 20_000
"""Values and operations that compiling looks at, those over constants included, macros written out."""

PATTERN_LENGTH_MAX = 512
"""Characters of a regular expression."""

PATTERN_MEMORY_MAX_BYTES = 1 << 20
"""What a compiled regular expression may take; RE2 refuses one that needs more."""

STRING_LENGTH_MAX = 65_536
"""Characters of a text that is built, matched or searched."""
