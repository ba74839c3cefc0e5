"""The release by which this process reads events and answers without a score."""

from collections.abc import Mapping

from api.http.problem import Problem
from features.schema.decode import Decoder
from pipeline.engine.release import Release, content_hash


class InForce:
    """The newest release, the texts that it was compiled from and their hashes, by part. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self.release: Release | None = None
        self.texts: dict[str, str] = {}
        self.hashes: dict[str, str] = {}
        self._decoder: Decoder | None = None

    def install(self, release: Release, texts: Mapping[str, str], hashes: Mapping[str, str] | None = None) -> bool:
        """Puts `release` in force unless a newer one, or it itself, already is; says whether it did.

        Args:
            hashes: of `texts`, by part, where they are known.
        """
        if self.release is not None and self.release.id >= release.id:
            return False
        self.hashes = dict(hashes) if hashes else {part: content_hash(text) for part, text in texts.items()}
        self.release = release
        self.texts = dict(texts)
        self._decoder = Decoder(release.schema)
        return True

    def require(self) -> tuple[Release, Decoder]:
        """The release and the decoder of its schema.

        Raises:
            Problem: 503, there is no release yet.
        """
        if self.release is None or self._decoder is None:
            raise Problem(503, "no release is in force: push a configuration", [(b"retry-after", b"1")])
        return self.release, self._decoder
