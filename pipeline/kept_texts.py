"""Definitions by hash, for as long as a release that may still come can name them."""

from collections.abc import Iterable, Mapping

RELEASES_KEPT = 8


class KeptTexts:
    """The definitions that the control topic has brought, without those that only releases of long ago hold.

    A definition is written before the release that names it, and other releases may come in between: so one that no kept release
    names stays for `RELEASES_KEPT` releases too. Lists may have 15 MiB: without an end they would fill the memory.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._needed: dict[str, int] = {}
        self._releases = 0

    def __getitem__(self, hash: str) -> str:
        return self._texts[hash]

    def __contains__(self, hash: str) -> bool:
        return hash in self._texts

    def __len__(self) -> int:
        return len(self._texts)

    def take(self, hash: str, text: str) -> None:
        """Keeps `text`."""
        self._texts[hash] = text
        self._needed[hash] = self._releases

    def named(self, parts: Mapping[str, str]) -> dict[str, str]:
        """The texts of the release `parts`, by part.

        Raises:
            KeyError: one is not there.
        """
        return {part: self._texts[hash] for part, hash in parts.items()}

    def released(self, hashes: Iterable[str]) -> None:
        """A release of `hashes` is in force: lets go of what nothing has needed for `RELEASES_KEPT` releases."""
        self._releases += 1
        self._needed.update(dict.fromkeys(hashes, self._releases))
        for hash in [hash for hash, needed in self._needed.items() if needed <= self._releases - RELEASES_KEPT]:
            del self._texts[hash], self._needed[hash]
