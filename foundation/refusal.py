"""Defines refusals, which are all errors that a user can mend."""


class Refusal(ValueError):  # noqa: N818 - what the user reads is a refusal, not a fault
    """The input is not accepted; the text says how to mend it.

    Args:
        what: what is wrong, in a few words, such as ``unknown template``.
        where: the place, such as ``features.yaml:3:12``, ``events[2]/17`` or ``amount``.
        expected: what would have been accepted.
        got: what was found, shortened to a readable length.
        remedy: what to do about it; empty when `expected` already says it.
    """

    def __init__(self, what: str, *, where: str, expected: str, got: object, remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.got = shortened(got)
        self.remedy = remedy
        super().__init__(what, where, expected, self.got, remedy)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}: expected {self.expected}, got {self.got}"
        return f"{text}; {self.remedy}" if self.remedy else text

    def fields(self) -> dict[str, str]:
        """Returns the parts by name, for a dead letter or an RFC 9457 problem."""
        return {"what": self.what, "where": self.where, "expected": self.expected, "got": self.got, "remedy": self.remedy}


def shortened(value: object, length_max: int = 80) -> str:
    """Returns `value` as a text of at most `length_max` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= length_max else text[: length_max - 1] + "…"
