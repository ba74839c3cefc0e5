"""The manifest of a release says for each rule its status, share and approval, which its text cannot."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from foundation.content_hash import content_hash
from foundation.document import read_document
from foundation.refusal import Refusal
from foundation.slices import Slices, completed, parts_of
from patterns.language.pattern import STATUSES
from patterns.language.rule_folder import extended_by, source_of

PATTERN_PREFIX = "pattern:"
"""The prefix of a rule's id among the parts of a release."""

MANIFEST = "patterns"
"""The part of a release that says what its rules may do."""

ACTING = ("active", "canary")
"""The statuses of rules that act."""

WATCHED = ("shadow", *ACTING)
"""The statuses of rules that are evaluated."""

_STATUSES_KEPT = 40_000
_READ_AT_ONCE = 8


class Standing(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Says what a rule may do.

    Args:
        hash: the SHA-256 of the rule's text.
        status: one of `patterns.language.pattern.STATUSES`.
        share: of a canary, the share of entities for which it acts, in (0, 1].
        approved_by: who approved that this text acts; '' if nobody had to.
    """

    hash: str
    status: Literal["draft", "shadow", "canary", "active", "paused", "retired"]
    share: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 1.0
    approved_by: str = ""


Standings = Mapping[str, Standing]
"""What the rules of a release may do, by their ids."""

_decode = msgspec.json.Decoder(dict[str, Standing]).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def pattern_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """Returns the texts of the rules among the `texts` of a release, by id and sorted by it."""
    return {part.removeprefix(PATTERN_PREFIX): texts[part] for part in sorted(texts) if part.startswith(PATTERN_PREFIX)}


def read_manifest(text: str) -> dict[str, Standing]:
    """Reads the text of a manifest.

    Raises:
        Refusal: this is no manifest.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        expected = "a JSON object by rule: hash, status, share, approved_by"
        raise Refusal("bad manifest of rules", where=MANIFEST, expected=expected, got=str(error)) from None


def manifest_text(standings: Standings) -> str:
    """Returns the text of a manifest: a JSON object with a line for each rule, in the order of their ids."""
    lines = (f"{msgspec.json.encode(id).decode()}: {_encode(standings[id]).decode()}" for id in sorted(standings))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def with_manifest(texts: Mapping[str, str], before: Standings, first: bool) -> dict[str, str]:
    """Returns the `texts` of a release with a manifest that fits its rules.

    A rule that was there before keeps status and share, whatever its text says: an upload activates nothing, and ends no canary. It keeps
    its approval only with the text that was approved, and with that of the rule that it extends. The status of a new rule is that of its
    text, but at most shadow unless this is the `first` release of an installation.

    Raises:
        Refusal: the text of a new rule is not YAML, or its status is unknown.
    """
    rules = pattern_texts(texts)
    others = {part: text for part, text in texts.items() if part != MANIFEST}
    if not rules:
        return others
    standings = {id: _standing(id, text, before.get(id), first) for id, text in rules.items()}
    changed = {id for id, standing in standings.items() if id not in before or before[id].hash != standing.hash}
    for id, standing in standings.items():
        if standing.approved_by and extended_by(id, rules[id]) in changed:
            standings[id] = msgspec.structs.replace(standing, approved_by="")
    return others | {MANIFEST: manifest_text(standings)}


def standings_of(texts: Mapping[str, str]) -> dict[str, Standing]:
    """Returns what the rules of a release may do: as its manifest says, or without one as their texts say.

    Raises:
        Refusal: the manifest is none, or fits other rules.
    """
    return completed(standings_in_slices(texts))


def standings_in_slices(texts: Mapping[str, str]) -> Slices[dict[str, Standing]]:
    """Does what `standings_of` does in slices."""
    rules = pattern_texts(texts)
    if MANIFEST not in texts:
        found: dict[str, Standing] = {}
        for some in parts_of(list(rules), _READ_AT_ONCE):
            found |= {id: _standing(id, rules[id], None, True) for id in some}
            yield
        return found
    yield
    standings = read_manifest(texts[MANIFEST])
    yield
    for id in sorted(standings.keys() ^ rules.keys()):
        expected = f"a part {PATTERN_PREFIX}{id}" if id in standings else f"the rule {id} in the manifest"
        raise Refusal("manifest of other rules", where=MANIFEST, expected=expected, got="none")
    for some in parts_of(list(rules)):
        for id in some:
            hash = content_hash(rules[id])
            if standings[id].hash != hash:
                raise Refusal("manifest of another text", where=MANIFEST, expected=f"{id} with the hash {hash}", got=standings[id].hash)
        yield
    return standings


def _standing(id: str, text: str, before: Standing | None, first: bool) -> Standing:
    if before is not None:
        same = before.hash == content_hash(text)
        return before if same else msgspec.structs.replace(before, hash=content_hash(text), approved_by="")
    status = _written_status(id, text)
    if not first and status in ACTING:
        status = "shadow"
    return msgspec.convert({"hash": content_hash(text), "status": status}, Standing)


@lru_cache(_STATUSES_KEPT)
def _written_status(id: str, text: str) -> str:
    """Returns the status in a rule's text. It is remembered: to read the text takes a sixth of what it takes to compile it."""
    document = read_document(text, source_of(id))
    return document.at("status").choice(STATUSES) if document.has("status") else "draft"
