"""An absence that has come true, as a record of the topic `alerts`."""

import msgspec

from patterns.absences import Absence
from patterns.findings import Events, Values


class AbsentEntity(msgspec.Struct):
    """Whose events an absence is about: the kind of entity, and its id."""

    kind: str
    id: str


class AbsenceRecord(msgspec.Struct, tag_field="type", tag="absence"):
    """The record of one absence.

    Args:
        id: identifies it: readers keep the first record of an id, and drop others.
        pattern, version, severity, status, shadow: see `patterns.absences.Absence`.
        event_time: the deadline in ms: the event time up to which, inclusive, nothing came.
        events: (time in ms, key of the id) of the events before it.
        values, reason: see `patterns.absences.Absence`.
        release: the number of the release under which it came true.
    """

    id: str
    pattern: str
    version: str
    severity: str
    status: str
    shadow: bool
    entity: AbsentEntity
    event_time: int
    events: Events
    values: Values
    reason: str
    release: int


def absence_record(absence: Absence, release: int) -> AbsenceRecord:
    """Returns the record of an absence under the release with the number `release`."""
    return AbsenceRecord(
        absence.id,
        absence.pattern,
        absence.version,
        absence.severity,
        absence.status,
        absence.shadow,
        AbsentEntity(absence.kind, absence.key),
        absence.deadline_ms,
        absence.events,
        absence.values,
        absence.reason,
        release,
    )
