"""Facts on their way into profiles."""

from features.schema.decode import ID_CHARACTERS_MAX
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import Release
from pipeline.engine.fact_record import FactRecord, check_declared, declared, read_fact
from pipeline.engine.isolation import fault_of
from pipeline.engine.scorer import Scorer
from pipeline.score_job.handed_on import Frame
from pipeline.score_job.refused_frames import no_release, refused
from pipeline.wire.bodies import read_keyed_body
from pipeline.wire.bundle import Bundle
from pipeline.wire.declaration import ENTITY_SEPARATOR

TOPIC = "facts"
"""Where a dead letter of a fact comes from."""


def take_facts(bundle: Bundle, release: Release, scorer: Scorer) -> list[Frame]:
    """Gives the facts of a bundle to the profiles of their entities, and returns frames of dead letters for those that are none.

    A record without a value takes off the fact that its key names, with all its versions. A fact that the release does not declare is kept
    for a release that does, if its type of entity has profiles.
    """
    frames: list[Frame] = []
    facts: list[FactRecord] = []
    for body in bundle.bodies:
        name, value = read_keyed_body(body)
        try:
            fact = _fact_in(bytes(name), value, release)
        except Refusal as refusal:
            frames.append(_refused(refusal, body))
            continue
        facts.append(fact)
    scorer.tell(release, facts)
    return frames


def refused_fact(body: memoryview, error: Exception, where: str) -> list[Frame]:
    """Returns the frame of a dead letter for a fact at which `where` raised `error`."""
    return [_refused(fault_of(error, where), body)]


def facts_without_release(bundle: Bundle) -> list[Frame]:
    """Returns the frames of dead letters for facts that come while no release is in force: none says which entities there are."""
    return [_refused(no_release(), body) for body in bundle.bodies]


def fact_key(kind: str, entity: str, name: str) -> bytes:
    """Returns the key of a fact's record."""
    return ENTITY_SEPARATOR.join((kind, entity, name)).encode()


def _fact_in(key: bytes, value: memoryview, release: Release) -> FactRecord:
    try:
        kind, _, rest = key.decode().partition(ENTITY_SEPARATOR)
        entity, _, name = rest.rpartition(ENTITY_SEPARATOR)
    except UnicodeDecodeError:
        kind = entity = name = ""
    if not (kind and name and 0 < len(entity) <= ID_CHARACTERS_MAX):
        expected = f"the type of entity, NUL, its id of 1 to {ID_CHARACTERS_MAX} characters, NUL, and the fact's name, in UTF-8"
        raise Refusal("bad key of a fact", where="key", expected=expected, got=key)
    if kind not in release.features.plans:
        raise Refusal("unknown type of entity", where="kind", expected=", ".join(release.features.plans), got=kind)
    if not len(value):
        return FactRecord(kind=kind, entity=entity, name=name, since=0, op="forget")
    fact = read_fact(value)
    if (fact.kind, fact.entity, fact.name) != (kind, entity, name):
        raise Refusal(
            "fact under another key", where="key", expected=f"{fact.kind}, {fact.entity}, {fact.name}", got=f"{kind}, {entity}, {name}"
        )
    if declared(release.schema, kind, name) is not None:
        check_declared(release.schema, fact)
    return fact


def _refused(refusal: Refusal, body: memoryview) -> Frame:
    return refused(refusal, bytes(read_keyed_body(body)[1]), topic=TOPIC)
