"""The shapes of answers about models: what each may do, how they compare, and how far what they see and say has drifted."""

import msgspec


class ShownModel(msgspec.Struct):
    """A model of the release in force.

    `standing` is ``champion`` for one that decides, ``challenger`` for one that is scored beside a champion, and ``beside`` for one that
    neither decides nor challenges. `place` is the place of the policy's score that it holds or challenges, '' for none. `model` is its
    method, `scope` the entity that it has a state for, '' for all events together, `learns` ``labels`` or ``events``, `definition` the hash
    of what it is. `promoted_by` is who promoted a champion, '' if policy.yaml names it there. `warning` says what of it may not be meant.
    """

    name: str
    standing: str
    place: str
    model: str
    scope: str
    learns: str
    inputs: list[str]
    definition: str
    promoted_by: str
    warning: str = ""


class ShownModels(msgspec.Struct):
    """The models of the release in force, in the order of models.yaml."""

    release: int
    models: list[ShownModel]


class ModelMoved(msgspec.Struct):
    """The release in force after a promotion or a rollback; `champion` decides in `place` now, and `before` did until then."""

    release: int
    place: str
    champion: str
    before: str


class Measured(msgspec.Struct):
    """A measure, and the interval that holds it in 95 of 100 cases; null where too little is known."""

    value: float | None
    low: float | None
    high: float | None


class ComparedModel(msgspec.Struct):
    """A model beside the champion: its measures, and how much more they are than the champion's, over the same draws."""

    name: str
    standing: str
    measures: dict[str, Measured]
    gains: dict[str, Measured]
    needed: list[str]


class ComparedWeek(msgspec.Struct):
    """Seven days from `from_ms` on: how many `events` of known outcome all models scored, how many are fraud, and each model's measures."""

    from_ms: int
    events: int
    frauds: int
    models: dict[str, dict[str, float | None]]


class ComparedModels(msgspec.Struct):
    """The models of one place, measured on the same `events`, of which `frauds` are fraud, on `days` days from `from_ms` on.

    Intervals come from drawing whole days, or groups of users while there are few days (`drawn`). Under `needed` of a challenger stands
    what its promotion still needs. `weeks` has the same events week by week, the oldest first.
    """

    place: str
    from_ms: int
    events: int
    frauds: int
    days: int
    drawn: str
    models: list[ComparedModel]
    weeks: list[ComparedWeek] = []


class ReliabilityBin(msgspec.Struct):
    """Events whose probability was said to be from `least` (inclusive) to `most`: how many, the mean of it, and how many were fraud.

    `share` is the share of fraud among them, and `low` and `high` hold it in 95 of 100 cases (Wilson).
    """

    least: float
    most: float
    events: int
    mean: float
    frauds: int
    share: float
    low: float
    high: float


class Reliability(msgspec.Struct):
    """How often events were fraud of which decisions said a probability, by that probability; bins without events are left out."""

    from_ms: int
    events: int
    bins: list[ReliabilityBin]


class DriftBin(msgspec.Struct):
    """The values from `least` (inclusive) to `most` (exclusive), null where there is no bound; `is_missing` is that of missing values."""

    least: float | None
    most: float | None
    is_missing: bool
    events: int
    reference_events: int


class ShownDrift(msgspec.Struct):
    """How far something is from what it was.

    `subject` is ``event.`` or ``feature.`` and the name of a number that a model reads, ``model.`` and a model's name for its raw score,
    or ``label_rate``. `index` is the population stability index, and `beyond` says whether it is greater than `limit`. `now` and `usual`
    are the medians of the `events` of the day and of the `reference_events` before, null where all are missing; of ``label_rate`` they are
    the shares of fraud. `bins` are tenths of the values before, and how many values of the day are in each; ``label_rate`` has none.
    """

    subject: str
    index: float
    limit: float
    beyond: bool
    events: int
    reference_events: int
    now: float | None
    usual: float | None
    bins: list[DriftBin] = []


class ShownDrifts(msgspec.Struct):
    """What changed on a day against the 28 days before it, what changed most for its limit first.

    `day_ms` is the beginning of the newest day that is over, and `labels_day_ms` that of the newest one whose outcomes are known, which
    ``label_rate`` is of; ms since the epoch, event time. What was seen on fewer than 200 events of either side is left out.
    """

    day_ms: int
    labels_day_ms: int
    drifts: list[ShownDrift]


class WeighedInput(msgspec.Struct):
    """How much an input moves the score of its model.

    `size` is the mean size of what it adds to the score or takes off it, and `share` that of all inputs together, in [0, 1]. `raises` is
    the share of events whose score it raises; null where only the size is known.
    """

    name: str
    size: float
    share: float
    raises: float | None


class ModelImportance(msgspec.Struct):
    """How much each input moves the score of a model, the most important one first; none where too little is known.

    `source` is ``decisions`` where it was measured on the `events` whose score the model gave, from `from_ms` on; ``training`` where it
    comes with the newest training of a model of which too few decisions are known; and '' where there is neither. Sizes are on the scale of
    the model's contributions.
    """

    model: str
    source: str
    from_ms: int
    events: int
    inputs: list[WeighedInput]
