"""Numbers the texts that conditions compare with."""


class TextNumbers:
    """Gives each text constant a number from 0 on; any other text is `OTHER`."""

    OTHER = -1

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Returns the number of a constant, which is known from now on."""
        return self.known.setdefault(text, len(self.known))
