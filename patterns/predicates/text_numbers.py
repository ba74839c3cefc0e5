"""Numbers the texts that conditions compare with."""

from itertools import count


class TextNumbers:
    """Gives each text constant a number from 0 on; any other text is `OTHER`. The empty text is `EMPTY`, and no text `NONE`."""

    OTHER = -1
    NONE = -2
    EMPTY = 0

    def __init__(self) -> None:
        self.known: dict[str | None, int] = {"": self.EMPTY, None: self.NONE}
        self._unused = count(self.EMPTY + 1)

    def number(self, text: str) -> int:
        """Returns the number of a constant, which is known from now on. Threads may ask at once: no two texts get the same."""
        known = self.known.get(text)
        return self.known.setdefault(text, next(self._unused)) if known is None else known
