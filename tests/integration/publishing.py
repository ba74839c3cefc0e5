"""Releases on the control topic, written as the API writes them, without the API. For tests only."""

import msgspec
from score_job_runs import TEXTS

from foundation.content_hash import content_hash
from foundation.settings import Settings
from pipeline.control import surplus
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.known_releases import DEFINITION, KnownReleases, ReleaseRecord, release_key

POLICY_CHARACTERS = 200_000


class Publisher:
    """Writes releases to the control topic, and takes off it what no kept release needs."""

    def __init__(self, settings: Settings) -> None:
        self._control = settings.topic("control")
        self._outbox = Outbox(producer_of(settings))
        self._known = KnownReleases()
        self.newest = 1

    def publish(self, number: int) -> None:
        """Release `number`, whose policy of `POLICY_CHARACTERS` no other has."""
        texts = TEXTS | {"policy": TEXTS["policy"] + f"# {number}\n" + "#" * POLICY_CHARACTERS + "\n"}
        for text in texts.values():
            self._write(DEFINITION + content_hash(text), text.encode())
        parts = {part: content_hash(text) for part, text in texts.items()}
        self._write(release_key(number), msgspec.json.encode(ReleaseRecord(number, parts, number)))
        found = surplus.surplus(self._known)
        for key, value in (*found.stated, *dict.fromkeys(found.gone).items()):
            self._write(key, value)
        self._outbox.flush()
        self.newest = number

    def _write(self, key: str, value: bytes | None) -> None:
        self._outbox.send(self._control, key.encode(), value)
        self._known.take(key, value)
