"""The release in force in this process: it reads events by its schema and gives the fallback of its policy."""

from collections.abc import Mapping

from api.http.problem import Problem
from api.http.problem_types import NO_RELEASE
from features.schema.decode import Decoder
from foundation.content_hash import content_hash
from pipeline.engine.definitions.release import Release


class InForce:
    """The release in force, with its texts and their hashes, by part. Only the event loop's thread may use it."""

    def __init__(self) -> None:
        self.release: Release | None = None
        self.texts: dict[str, str] = {}
        self.hashes: dict[str, str] = {}
        self._decoder: Decoder | None = None

    def install(self, release: Release, texts: Mapping[str, str], hashes: Mapping[str, str] | None = None) -> bool:
        """Puts `release` in force unless it or a newer one already is; gives whether it did.

        Args:
            texts: the texts that it was compiled from, by part.
            hashes: the hashes of `texts`, by part; they are computed if they are not given.
        """
        if self.release is not None and self.release.id >= release.id:
            return False
        self.hashes = dict(hashes) if hashes else {part: content_hash(text) for part, text in texts.items()}
        self.release = release
        self.texts = dict(texts)
        self._decoder = Decoder(release.schema)
        return True

    def require(self) -> tuple[Release, Decoder]:
        """The release in force and the decoder of its schema.

        Raises:
            Problem: 503, no release is in force yet.
        """
        if self.release is None or self._decoder is None:
            raise Problem(
                503, "no release is in force; push a configuration folder with weir push", [(b"retry-after", b"1")], type=NO_RELEASE
            )
        return self.release, self._decoder
