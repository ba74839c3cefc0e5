"""Reads the silences of an Alertmanager, which mute what it sends on; they change nothing of what webhooks are told."""

import datetime
from collections.abc import Sequence
from typing import Annotated

import httpx
import msgspec

SECONDS_MAX = 3.0
ANSWER_BYTES_MAX = 4_000_000
SHOWN_MAX = 1_000
TEXT_CHARACTERS_MAX = 1_000


class AlertmanagerSilence(msgspec.Struct, frozen=True):
    """Is a silence of an Alertmanager: what alerts have to be, such as ``card=~"c.*"``, and from when until when, ms since the epoch."""

    id: str
    matchers: tuple[str, ...]
    from_ms: int
    until_ms: int
    by: str
    comment: str


class SilencesUnavailableError(Exception):
    """The Alertmanager does not say which silences it has; the text says why."""


class _Matcher(msgspec.Struct):
    name: str
    value: str
    isRegex: bool = False  # noqa: N815 - Alertmanager's names
    isEqual: bool = True  # noqa: N815


class _Status(msgspec.Struct):
    state: str


class _Silence(msgspec.Struct):
    id: str
    matchers: list[_Matcher]
    startsAt: Annotated[datetime.datetime, msgspec.Meta(tz=True)]  # noqa: N815
    endsAt: Annotated[datetime.datetime, msgspec.Meta(tz=True)]  # noqa: N815
    createdBy: str  # noqa: N815
    comment: str
    status: _Status


_decode = msgspec.json.Decoder(list[_Silence]).decode


class AlertmanagerSilences:
    """Asks one Alertmanager. Its calls block; it is safe for threads.

    Args:
        url: of the Alertmanager, such as ``http://127.0.0.1:9093``; empty for none, which has no silences.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def lasting(self) -> list[AlertmanagerSilence]:
        """Returns the silences that have not ended, those that end first before the others, and at most `SHOWN_MAX`.

        Raises:
            SilencesUnavailableError: it does not answer in time, or not as an Alertmanager does.
        """
        if not self._url:
            return []
        try:
            found = _decode(self._answer())
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise SilencesUnavailableError(f"Alertmanager does not answer: {error}"[:300]) from error
        except msgspec.MsgspecError as error:
            raise SilencesUnavailableError(f"what answers is no Alertmanager: {error}"[:300]) from error
        lasting = [_silence(one) for one in found if one.status.state != "expired"]
        return sorted(lasting, key=lambda one: (one.until_ms, one.id))[:SHOWN_MAX]

    def _answer(self) -> bytes:
        found = bytearray()
        with (
            httpx.Client(base_url=self._url, timeout=SECONDS_MAX, trust_env=False) as http,
            http.stream("GET", "/api/v2/silences") as answer,
        ):
            answer.raise_for_status()
            for part in answer.iter_bytes():
                found += part
                if len(found) > ANSWER_BYTES_MAX:
                    raise SilencesUnavailableError(f"Alertmanager answered more than {ANSWER_BYTES_MAX} bytes")
        return bytes(found)


def _silence(found: _Silence) -> AlertmanagerSilence:
    return AlertmanagerSilence(
        found.id, _words(found.matchers), _ms(found.startsAt), _ms(found.endsAt), _bounded(found.createdBy), _bounded(found.comment)
    )


def _words(matchers: Sequence[_Matcher]) -> tuple[str, ...]:
    signs = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
    return tuple(f'{_bounded(one.name)}{signs[one.isRegex, one.isEqual]}"{_bounded(one.value)}"' for one in matchers)


def _bounded(text: str) -> str:
    return text[:TEXT_CHARACTERS_MAX]


def _ms(at: datetime.datetime) -> int:
    return int(at.timestamp() * 1_000)
