"""The types of answers that the API gives and its Python client reads."""

import msgspec

from api.http.rule_responses import RuleRemarks
from features.sets.catalogue import NO_DIFFERENCE, Difference
from pipeline.engine.fact_record import FactRecord
from pipeline.trial.river_cost import RiverCost


class Included(msgspec.Struct, frozen=True):
    """The position of a decision in the topic of decisions."""

    partition: int
    offset: int


class Score(msgspec.Struct):
    """The latest score of an entity; `score` is null when no model gave one.

    It is the score of event `event_id` of the primary entity `user`, whose event time is `event_time` (ms since the epoch), `age_ms` ago.
    `includes` is the position of the decision in the topic of decisions; null for a decision stored before positions were.
    """

    entity: str
    id: str
    score: float | None
    action: str
    event_id: str
    event_time: int
    age_ms: int
    release: int
    includes: Included | None = None
    user: str = ""


class ListInForce(msgspec.Struct):
    """A list in force, and how many values on it have not expired; `version` is the value of its ETag."""

    name: str
    version: int
    entries: int


class Lists(msgspec.Struct):
    """The lists that the release in force declares, in the order of their names."""

    release: int
    lists: list[ListInForce]


class ListedEntry(msgspec.Struct):
    """A value on a list. It counts for events before `expires` (event time in ms since the epoch, exclusive), or for ever when null.

    `source` says what put it there: folder, api or release. Entries that one request wrote share an `id`.
    """

    value: str
    expires: int | None
    reason: str
    by: str
    source: str
    id: str


class ListPage(msgspec.Struct):
    """Entries in the order of their values; `next` is the cursor of the page after them, null at the end."""

    name: str
    version: int
    entries: list[ListedEntry]
    next: str | None


class ListChanged(msgspec.Struct):
    """How many values a change added to a list, removed from it, and gave another expiry or reason; `version` is its new ETag.

    `changed` is false when the list already was as asked; `release` is the release in force.
    """

    name: str
    version: int
    changed: bool
    added: int
    removed: int
    updated: int
    release: int = 0


class BypassInForce(msgspec.Struct):
    """The kill switch in release `release`. `by` switched it with release `since` at `at_ms`; all three are null if it never was."""

    mode: str
    reason: str
    release: int
    since: int | None
    by: str | None
    at_ms: int | None


class Kept(msgspec.Struct):
    """A definition that was stored; `in_force` says whether the release in force has the same text."""

    hash: str
    part: str
    in_force: bool


class KeptParts(msgspec.Struct):
    """Definitions that were stored together and wait for an approver: the hash of each by part, and what they would change.

    An approver puts them in force with ``POST /v1/releases:activate`` and these `parts`. Entries of `lists` need no approver: they
    are already on their lists.
    """

    parts: dict[str, str]
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
    lists: dict[str, ListChanged] = {}


class Put(msgspec.Struct, omit_defaults=True):
    """The answer to a change of one part; `changed` is false when this text was in force already. Other fields are as in `Published`."""

    release: int
    hash: str
    changed: bool
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
    models: dict[str, RiverCost] = {}


class JobProgress(msgspec.Struct):
    """How much of a job is done: `done` of `total`, in `unit`; a `total` of 0 means that it is not known yet."""

    done: int
    total: int
    unit: str


class JobFile(msgspec.Struct):
    """The file that a job made; ``GET /v1/jobs/{id}/result`` gives its bytes. `sha256` is in hexadecimal."""

    name: str
    size_bytes: int
    sha256: str
    media_type: str


class Job(msgspec.Struct):
    """A job: long work that a caller asked for. Times are ms since the epoch.

    Its `state` is queued, running, done, failed, cancelled or expired. `attempt` counts how often it was begun. `result` is what it found
    and `file` what it made; both are null before its end. `problem` says why it failed, as a problem by RFC 9457. Its result is gone from
    `expires_at_ms` on.
    """

    id: str
    kind: str
    state: str
    parameters: dict[str, object]
    by: str
    asked_at_ms: int
    started_at_ms: int | None
    ended_at_ms: int | None
    expires_at_ms: int | None
    attempt: int
    cancel_asked: bool
    progress: JobProgress
    result: dict[str, object] | None
    file: JobFile | None
    problem: dict[str, object] | None


class JobPage(msgspec.Struct):
    """Jobs, the newest first; `next` is the cursor of the page after them, null at the end."""

    jobs: list[Job]
    next: str | None


class FactsOfEntity(msgspec.Struct):
    """What was told last of each fact of an entity; one that has expired by the time of the entity's events is among them."""

    entity: str
    id: str
    facts: list[FactRecord]


class ShownRule(msgspec.Struct):
    """A rule of the release in force.

    `status` is draft, shadow, canary, active, paused or retired; `share` is the share of entities for which a canary acts. `hash` is that
    of its text, `approved_by` who approved that text, '' if nobody did.
    """

    id: str
    title: str
    severity: str
    owner: str
    action: str | None
    status: str
    share: float
    hash: str
    approved_by: str


class ShownRules(msgspec.Struct):
    """The rules of release `release`, in the order of their ids."""

    release: int
    patterns: list[ShownRule]


class ReadThreshold(msgspec.Struct, omit_defaults=True):
    """What a learned threshold of a rule was before an event of an entity.

    Numbers that nobody knows are null; `weight` is the number of events of the entity, of which older ones count less.
    """

    name: str
    key: str
    rate: float
    said: str
    event_id: str | None = None
    event_time: int | None = None
    release: int | None = None
    value: float | None = None
    threshold: float | None = None
    usual: float | None = None
    spread: float | None = None
    weight: float | None = None
    own_spread: float | None = None
    cohort: str | None = None
    snapshot: int | None = None


class ReadThresholds(msgspec.Struct, omit_defaults=True):
    """The learned thresholds of a rule of release `release` for the entity `key`, those of a pair for it together with `second`."""

    pattern: str
    release: int
    key: str
    thresholds: list[ReadThreshold]
    second: str | None = None


class RuleInForce(msgspec.Struct, omit_defaults=True):
    """A rule after a change, and the release that has it; `changed` is false where everything was so before.

    `remarks` are left out where no text was uploaded.
    """

    release: int
    changed: bool
    pattern: ShownRule
    remarks: RuleRemarks | None = None
